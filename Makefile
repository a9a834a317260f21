# Everything a person does in this repository. `make` alone lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Tests wait for AWS and Terraform, so four more workers than cores keep the cores busy (docs/testing.md).
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(4 + (os.cpu_count() or 1))')
UNIT_WORKERS ?= $(shell $(PYTHON) -c 'import os; print(1 + (os.cpu_count() or 1))')
READY  := $(VENV)/.ready

.PHONY: help env test test-all unit escapes fuzz lint compiled demo picture comment-pictures bench bench-all schemas golden clean

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

env: $(READY)    ## build the environment in .venv, with the emulator and the development tools

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

test: $(READY)   ## what CI runs: linters, types, layers, unit and integration tests, each escape, the fastest faults
	$(MAKE) --no-print-directory -j2 lint compiled
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-all: $(READY) ## make test, and what is too slow for every run
	$(MAKE) --no-print-directory -j2 lint compiled
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "" --hypothesis-profile=thorough
	ORCH_COLD=1 $(BIN)/python -m pytest tests/escapes tests/faults -n $(WORKERS) --dist worksteal -m ""

unit: $(READY)   ## the fast tests only, with a fifth of the generated examples
	$(MAKE) --no-print-directory compiled
	$(BIN)/python -m pytest tests/unit -n $(UNIT_WORKERS) --dist worksteal -m "not integration and not full" --hypothesis-profile=quick

escapes: $(READY) ## every way to lose a protected resource, and what others do with it; writes docs/escapes.md
	$(MAKE) --no-print-directory compiled
	$(BIN)/python -m pytest tests/escapes -n $(WORKERS) --dist worksteal --compare

fuzz: $(READY)    ## compare orch's reader of HCL with Terraform for SECONDS (default: 60); 3600 after changes to orchestrator/hcl/
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

lint: $(READY)   ## ruff, mypy --strict, import-linter, vulture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

# The tests start orch some thousand times, and where Python writes no bytecode each start compiles all of it anew. pytest
# compiles test files in its own way: without the second line each worker would do that for all of them.
compiled: $(READY)
	@$(BIN)/python -m compileall -q orchestrator tests
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --collect-only -q > /dev/null

demo:            ## from nothing to a protected platform on an embedded AWS, in about five minutes
	@$(PYTHON) demo/demo.py

picture: $(READY) ## write docs/plan.svg, the picture of the README, from a real run
	$(BIN)/python demo/picture.py

comment-pictures: $(READY) ## pictures of the golden comments in headless Chromium, light and dark, in a temporary folder or OUT=FOLDER
	@$(BIN)/python -m tests.pictures $(OUT)

bench: $(READY)  ## measure the speed of all but make test (half an hour), or of ROWS="plan-12 …"; writes benchmarks/RESULTS.md
	$(MAKE) --no-print-directory compiled
	$(BIN)/python -m benchmarks.run $(ROWS)

bench-all: $(READY) ## make bench, and make test on a fresh clone
	$(MAKE) --no-print-directory compiled
	$(BIN)/python -m benchmarks.run --all

schemas: $(READY) ## write live/.schema/ anew
	$(BIN)/orch schema

golden: $(READY) ## write the golden files anew
	$(BIN)/python -m pytest tests/unit --renew-golden

clean:           ## remove what was made here, but for the environment
	rm -rf .orch .mypy_cache .ruff_cache .hypothesis
