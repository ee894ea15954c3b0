# make run       everything, from nothing to a report
# make test      the tests
# make help      the rest

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# DVC runs each stage's `python` from the path
export PATH := $(CURDIR)/$(BIN):$(PATH)
READY := .venv/ready

.PHONY: help run run-real check-photos test test-remote remote test-cluster cluster test-app app lint \
	format bench bench-audit bench-heads bench-learning bench-precision bench-maps \
	bench-scale bench-cluster lock clean

help:
	@echo "make run        run the pipeline with params.yaml and show the metrics"
	@echo "make run-real   the same on the real dataset with ImageNet weights (needs the network)"
	@echo "make test       run the tests"
	@echo "make remote     install what DVC needs for remotes on s3, ssh, gs and azure"
	@echo "make test-remote   the same, then the tests of such a remote"
	@echo "make cluster    install what computing on a Ray cluster needs"
	@echo "make test-cluster   the same, then its tests on a cluster of two nodes on this machine"
	@echo "make app        install what the page of 'python -m cracks app' needs"
	@echo "make test-app   the same, then the tests of the page in Chromium"
	@echo "make lint       ruff and mypy"
	@echo "make bench      measure speed and memory, print tables"
	@echo "make bench-audit   what the audit costs and finds"
	@echo "make bench-heads   ways to train a head, compared"
	@echo "make bench-learning   how much more drawn images help"
	@echo "make bench-precision   what heads on int8 and on float32 features answer"
	@echo "make bench-maps   how much of drawn walls' cracks maps find, and how exactly"
	@echo "make bench-scale   time, memory and disk for a million made images (14 GB)"
	@echo "make bench-cluster   a Ray cluster of one and of two nodes against this process"
	@echo "make format     format the code"
	@echo "make lock       compile each requirements*.txt from its .in file"
	@echo "make clean      remove the environment"

run: $(READY) check-photos
	dvc repro
	@python -m cracks summary

run-real: $(READY) check-photos
	dvc exp run -S dataset=concrete -S weights.resnet50=imagenet -S weights.vgg16=imagenet || \
		{ echo "params.yaml still names these; git restore params.yaml goes back." >&2; exit 1; }
	@python -m cracks summary

# DVC hashes data/photos before any stage runs, and waits for ever on what is no file
check-photos:
	@odd="$$(find -L data/photos \( -type p -o -type s -o -type b -o -type c \) 2>/dev/null | head -n 1)"; \
	test -z "$$odd" || { echo "Error: expected files and folders in data/photos," \
		"found a device or a pipe: $$odd; remove it." >&2; exit 1; }

test: $(READY)
	python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

remote: $(READY)
	python -m pip install --quiet --disable-pip-version-check --requirement requirements-remote.txt

test-remote: remote
	python -m pytest tests/pipeline/test_remote.py

cluster: $(READY)
	python -m pip install --quiet --disable-pip-version-check --requirement requirements-cluster.txt

test-cluster: cluster
	python -m pytest tests/features/test_cluster.py

app: $(READY)
	python -m pip install --quiet --disable-pip-version-check --requirement requirements-app.txt

test-app: app
	python -m pytest tests/app

lint: $(READY)
	ruff format --check .
	ruff check .
	mypy

format: $(READY)
	ruff format .
	ruff check --fix .

bench: $(READY)
	python -m benchmarks.bench

bench-audit: $(READY)
	python -m benchmarks.audit

bench-heads: $(READY)
	python -m benchmarks.heads

bench-learning: $(READY)
	python -m benchmarks.learning_curve

bench-precision: $(READY)
	python -m benchmarks.precision

bench-maps: $(READY)
	python -m benchmarks.maps

bench-scale: $(READY)
	python -m benchmarks.scale

bench-cluster: cluster
	python -m benchmarks.cluster

lock: $(READY)
	uv --version >/dev/null 2>&1 || pip install --quiet uv
	for name in requirements requirements-remote requirements-cluster requirements-app; do \
		uv pip compile --universal --python-version 3.11 --no-header --quiet --upgrade \
			$$name.in --output-file $$name.txt || exit; \
	done

clean:
	rm -rf .venv

# made anew if it is missing or older than the pinned versions
$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Error: expected Python 3.11, 3.12 or 3.13, found $$($(PYTHON) --version 2>&1);" \
		"run 'make $(MAKECMDGOALS) PYTHON=/path/to/python3.11'." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@
