# make run       everything, from nothing to a report
# make test      the tests
# make help      the rest

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# DVC runs each stage's `python` from the path
export PATH := $(CURDIR)/$(BIN):$(PATH)
READY := .venv/ready

.PHONY: help run run-real test lint format bench bench-audit bench-heads lock clean

help:
	@echo "make run        run the pipeline with params.yaml and show the metrics"
	@echo "make run-real   the same on the real dataset with ImageNet weights (needs the network)"
	@echo "make test       run the tests"
	@echo "make lint       ruff and mypy"
	@echo "make bench      measure speed and memory, print tables"
	@echo "make bench-audit   what the audit costs and finds"
	@echo "make bench-heads   ways to train a head, compared"
	@echo "make format     format the code"
	@echo "make lock       compile requirements.txt from requirements.in"
	@echo "make clean      remove the environment"

run: $(READY)
	dvc repro
	@python -m cracks.summary

run-real: $(READY)
	dvc exp run -S dataset=concrete -S weights.resnet50=imagenet -S weights.vgg16=imagenet
	@python -m cracks.summary

test: $(READY)
	python -m pytest

lint: $(READY)
	ruff format --check .
	ruff check .
	mypy

format: $(READY)
	ruff format .
	ruff check --fix .

bench: $(READY)
	python -m cracks.bench

bench-audit: $(READY)
	python -m cracks.bench_audit

bench-heads: $(READY)
	python -m benchmarks.heads

lock: $(READY)
	uv --version >/dev/null 2>&1 || pip install --quiet uv
	uv pip compile --universal --python-version 3.11 --no-header --quiet --upgrade \
		requirements.in --output-file requirements.txt

clean:
	rm -rf .venv

# made anew if it is missing or older than the pinned versions
$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Error: expected Python 3.11 or newer, found $$($(PYTHON) --version 2>&1);" \
		"run 'make $(MAKECMDGOALS) PYTHON=/path/to/python3.11'." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@
