# Two commands do everything: `make run` and `make test`. The rest are their parts.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export UV_PROJECT_ENVIRONMENT ?= .venv
export OMP_THREAD_LIMIT := 1
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sohoa
UV := $(CACHE)/uv/bin/uv
DEMO ?= demo
JOBS ?= 2
RECORDS ?= 1000000
SEED ?= 1

.PHONY: run test lint unit proof bench bench-load faults setup setup-test clean

run: setup  ## a demonstration: sample scans read, signed, archived, and the pages to look at them
	$(UV) run --no-sync sohoa init $(DEMO) --demo
	$(UV) run --no-sync sohoa run --home $(DEMO)

test: setup-test lint  ## everything: style, types, imports, unit, integration, faults, browser
	$(UV) run --no-sync pytest -n $(JOBS) tests/unit
	$(UV) run --no-sync pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder tests/faults tests/browser tests/integration

lint: setup
	$(UV) run --no-sync ruff check .
	$(UV) run --no-sync ruff format --check .
	$(UV) run --no-sync mypy
	$(UV) run --no-sync lint-imports

unit: setup
	$(UV) run --no-sync pytest -n $(JOBS) tests/unit

proof: setup-test  ## a hundred signed records of all kinds before pyHanko, the EU's DSS and veraPDF
	SOHOA_JUDGED=100 $(UV) run --no-sync pytest tests/integration/test_judged.py

bench: setup  ## reading beside bare tesserocr and stock OCRmyPDF; SCANS: a folder of generated ones, BENCH: more options
	tools/install-packages bench
	$(UV) run --no-sync python -m bench.reading $(SCANS) $(BENCH)

bench-load: setup-test  ## two hours: a million records in each index, in the registry and under an ingest, and a second worker
	for engine in tantivy elasticsearch; do $(UV) run --no-sync python -m bench.load_search --records $(RECORDS) --engine $$engine --folder $(CACHE)/load-$$engine; done
	$(UV) run --no-sync python -m bench.load_registry --records $(RECORDS) --folder $(CACHE)/load-registry
	$(UV) run --no-sync python -m bench.ingest --records $(RECORDS) --folder $(CACHE)/load-ingest
	$(UV) run --no-sync python -m bench.workers

faults: setup-test  ## half an hour: 300 faults on one machine, 300 on the servers
	for kind in embedded grown; do $(UV) run --no-sync python -m tests.faults.seeded --installation $$kind --faults 300 --seed $(SEED); done

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
