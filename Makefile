# make run       everything, from nothing to a report
# make test      the tests that tell whether it works, in about four minutes
# make help      the rest

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# DVC runs each stage's `python` from the path
export PATH := $(CURDIR)/$(BIN):$(PATH)
READY := .venv/ready

.PHONY: help run run-real check-given test test-all test-remote remote test-cluster cluster test-app export lint \
	format bench bench-audit bench-precision bench-maps \
	bench-scale bench-carry-over bench-adapt check-bytes docs docs-tables tutorial lock clean

help:
	@echo "make run        run the pipeline with params.yaml and show the metrics"
	@echo "make run-real   the same on the real dataset with ImageNet weights (needs the network)"
	@echo "make test       run the tests that tell whether it works"
	@echo "make test-all   run all tests, those of remotes, of a Ray cluster and of the page too"
	@echo "make remote     install what DVC needs for remotes on s3, ssh, gs and azure"
	@echo "make test-remote   the same, then the tests of such a remote"
	@echo "make cluster    install what computing on a Ray cluster needs"
	@echo "make test-cluster   the same, then its tests on a cluster of two nodes on this machine"
	@echo "make app        install the page for photographs of walls, and open it"
	@echo "make test-app   the same, then the tests of the page in Chromium"
	@echo "make export     install what 'python -m cracks export --to onnx' needs"
	@echo "make lint       ruff and mypy"
	@echo "make bench      measure speed and memory, print tables"
	@echo "make bench-audit   what the audit costs and finds"
	@echo "make bench-precision   what heads on int8 and on float32 features answer"
	@echo "make bench-carry-over   what heads are worth on photographs from elsewhere"
	@echo "make bench-adapt   what a few labels of other walls are worth"
	@echo "make bench-maps   how much of drawn walls' cracks maps find, and how exactly"
	@echo "make bench-scale   time and memory for a million small images (16 GB)"
	@echo "make check-bytes   run the commit from nothing as on other processors, compare all bytes"
	@echo "make docs-tables   fill in what the pages show of measurements and commands"
	@echo "make tutorial   open docs/tutorial.ipynb: the pipeline step by step, with pictures"
	@echo "make docs       build the site of docs/ into site/"
	@echo "make format     format the code"
	@echo "make lock       compile each requirements*.txt from its .in file"
	@echo "make clean      remove the environment"

run: $(READY) check-given
	dvc repro
	@python -m cracks summary

run-real: $(READY) check-given
	dvc exp run -S dataset=archive -S weights.resnet50=imagenet -S weights.vgg16=imagenet || \
		{ echo "params.yaml still names these; git restore params.yaml goes back." >&2; exit 1; }
	@python -m cracks summary

# DVC hashes these folders before any stage runs, and waits for ever on what is no file
check-given:
	@odd="$$(find -L data/photos data/pretrained \( -type p -o -type s -o -type b -o -type c \) 2>/dev/null | head -n 1)"; \
	test -z "$$odd" || { echo "Error: expected files and folders in data/photos and data/pretrained," \
		"found a device or a pipe: $$odd; remove it." >&2; exit 1; }

AXE := .venv/axe-core-4.14.1
PYTEST := python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: $(READY)-test
	$(PYTEST) -m "not slow"

test-all: $(READY)-test $(READY)-docs $(READY)-tutorial remote cluster $(READY)-app $(AXE)
	$(PYTEST) --durations 25

remote: $(READY)-remote

test-remote: remote $(READY)-test
	python -m pytest tests/pipeline/test_remote.py

cluster: $(READY)-cluster

test-cluster: cluster $(READY)-test
	python -m pytest tests/tools/cluster

app: $(READY)-app
	python -m cracks app --open

export: $(READY)-export

test-app: $(READY)-app $(READY)-test $(AXE)
	python -m pytest tests/tools/app

# what finds faults of accessibility; without npm that one test is left out
$(AXE):
	@if command -v npm >/dev/null; then \
		npm install --silent --no-save --no-package-lock $(notdir $(subst core-,core@,$@)) && touch $@; fi

lint: $(READY)-test
	ruff format --check .
	ruff check .
	mypy

format: $(READY)-test
	ruff format .
	ruff check --fix .

# Each but the audit's writes its tables into docs/measurements/data/ as well; ARGS are those of the benchmark:
#   make bench-carry-over ARGS="ozgenel.zip sdnet2018-walls.zip"
bench: $(READY)
	python -m benchmarks.record speed bench $(ARGS)

bench-audit: $(READY)
	python -m benchmarks.audit $(ARGS)

bench-precision: $(READY)
	python -m benchmarks.record own-precision precision $(ARGS)

bench-carry-over: $(READY)
	python -m benchmarks.record own-weights carry_over $(ARGS)

bench-adapt: $(READY)
	python -m benchmarks.record adapt adapt $(ARGS)

bench-maps: $(READY)
	python -m benchmarks.record maps maps $(ARGS)

bench-scale: $(READY)
	python -m benchmarks.record scale scale $(ARGS)

check-bytes: $(READY)
	python -m benchmarks.same_bytes

# the blocks of the pages that are measured, or printed by a command
docs-tables: $(READY)
	python -m benchmarks.render

tutorial: $(READY)-tutorial
	jupyter lab docs/tutorial.ipynb

docs: $(READY)-docs
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo "site/index.html is the first page"

lock: $(READY)
	uv --version >/dev/null 2>&1 || $(PIP) install uv
	for name in requirements $(sort $(basename $(wildcard requirements-*.in))); do \
		uv pip compile --universal --python-version 3.11 --no-header --quiet --upgrade \
			--generate-hashes $$name.in --output-file $$name.txt || exit; \
	done

clean:
	rm -rf .venv

# $(call install,FILE): the pinned packages of a file. uv, which is fetched if it is not there, takes
# seconds where pip takes minutes; pip takes over where uv cannot be had. Both check the hashes.
# uv does not read pip's settings, so it is told which index pip uses; and it compiles as pip does:
# where PYTHONDONTWRITEBYTECODE is set, as in many containers, each process would compile all again.
INDEX = $${PIP_INDEX_URL:-$$(python -m pip config get global.index-url 2>/dev/null)}
PIP := python -m pip --quiet --disable-pip-version-check
define install
@echo "Installing $(1) into .venv ..."
@command -v uv >/dev/null || $(PIP) install uv 2>/dev/null || true
@index="$(INDEX)"; $${index:+env UV_DEFAULT_INDEX="$$index"} \
	uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirement $(1) || \
	{ echo "uv is not available here; pip takes a few minutes ..."; \
	$(PIP) install --requirement $(1); }
@touch $@
endef

# made anew if it is missing or older than the pinned versions
$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Error: expected Python 3.11, 3.12 or 3.13, found $$($(PYTHON) --version 2>&1);" \
		"run 'make $(MAKECMDGOALS) PYTHON=/path/to/python3.11'." >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
	$(call install,requirements.txt)

$(READY)-%: requirements-%.txt $(READY)
	$(call install,$<)
