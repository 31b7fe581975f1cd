# Two commands do everything: `make run` and `make test`. The rest are their parts.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export UV_PROJECT_ENVIRONMENT ?= .venv
export OMP_THREAD_LIMIT := 1
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sohoa
UV := $(CACHE)/uv/bin/uv
DEMO ?= demo
JOBS ?= 2

.PHONY: run test lint unit bench faults setup setup-test clean

run: setup  ## a demonstration: sample scans read, signed, archived, and the pages to look at them
	$(UV) run --frozen --no-dev sohoa init $(DEMO) --demo
	$(UV) run --frozen --no-dev sohoa run --home $(DEMO)

test: setup-test lint  ## everything: style, types, imports, unit, integration, faults, browser
	$(UV) run --frozen pytest -n $(JOBS) tests/unit
	$(UV) run --frozen pytest tests/integration tests/browser tests/faults

lint: setup
	$(UV) run --frozen ruff check .
	$(UV) run --frozen ruff format --check .
	$(UV) run --frozen mypy
	$(UV) run --frozen lint-imports

unit: setup
	$(UV) run --frozen pytest -n $(JOBS) tests/unit

bench: setup
	$(UV) run --frozen python -m bench.reading

faults: setup-test  ## the long form: 30 kills while 60 files come in
	$(UV) run --frozen python -m tests.faults.kills --kills 30 --files 60

setup: $(UV)
	tools/install-packages base
	$(UV) sync --frozen --quiet --compile-bytecode

setup-test: setup
	tools/install-packages test

$(UV):
	python3 -m venv $(CACHE)/uv
	$(CACHE)/uv/bin/python -m pip install --quiet uv==0.13.9

clean:
	rm -rf .venv demo
