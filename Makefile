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
	$(UV) run --no-sync sohoa init $(DEMO) --demo
	$(UV) run --no-sync sohoa run --home $(DEMO)

test: setup-test lint  ## everything: style, types, imports, unit, integration, faults, browser
	$(UV) run --no-sync pytest -n $(JOBS) tests/unit
	$(UV) run --no-sync pytest tests/integration tests/browser tests/faults

lint: setup
	$(UV) run --no-sync ruff check .
	$(UV) run --no-sync ruff format --check .
	$(UV) run --no-sync mypy
	$(UV) run --no-sync lint-imports

unit: setup
	$(UV) run --no-sync pytest -n $(JOBS) tests/unit

bench: setup
	$(UV) run --no-sync python -m bench.reading

faults: setup-test  ## the long form: 30 kills while 60 files come in
	$(UV) run --no-sync python -m tests.faults.kills --kills 30 --files 60

setup: $(UV)
	tools/install-packages base
	$(UV) sync --frozen --quiet --compile-bytecode

setup-test: setup
	tools/install-packages test
	tools/install-servers

$(UV):
	python3 -m venv $(CACHE)/uv
	$(CACHE)/uv/bin/python -m pip install --quiet uv==0.13.9

clean:
	rm -rf .venv demo
