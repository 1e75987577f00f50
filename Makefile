# `make` lists the targets. Only make, git and Python are needed.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
STAMP := $(VENV)/.synced
NEED_A_STACK := bench_grafana bench_page
BENCHES := $(filter-out $(NEED_A_STACK),$(basename $(notdir $(wildcard bench/bench_*.py))))
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
FETCHED := 3.13
BOOTSTRAP := .bootstrap
ARGS ?=
SUITE ?= trixie
MINUTES ?= 10
SEED ?=

# A stack has a dozen Python processes; without stored bytecode each start compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo live test test-long chaos simulate attack bench lint docs wheel image fresh clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the locked dependencies and fetch Kafka; a second run does nothing

$(STAMP): uv.lock pyproject.toml
	@$(BIN)/python -c '$(FITS)' 2>/dev/null || ! $(PYTHON) -c '$(FITS)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) \
	    || { echo "make: $(PYTHON) cannot make a virtual environment: install its venv package" >&2; exit 1; }
	@$(BIN)/python -c '$(FITS)' 2>/dev/null || { \
	    echo "$(PYTHON) is not Python 3.11 to 3.14: uv fetches $(FETCHED)" \
	    && $(PYTHON) -m venv --clear $(BOOTSTRAP) \
	    && $(BOOTSTRAP)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
	    && $(BOOTSTRAP)/bin/uv python install --no-bin --no-progress $(FETCHED) \
	    && $(BOOTSTRAP)/bin/uv venv --quiet --clear --seed --managed-python --python $(FETCHED) $(VENV); } \
	    || { echo "make: that did not work: install Python 3.11, 3.12, 3.13 or 3.14, then make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test "$$($(BIN)/uv --version 2>/dev/null | cut -d ' ' -f 2)" = $(UV_VERSION) \
	    || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
	    || { echo "make: the Python package registry does not answer: check the network (or HTTPS_PROXY)" >&2; exit 1; }
	@$(BIN)/uv sync --frozen --quiet --inexact --python $(BIN)/python \
	    || { echo "make: the locked dependencies could not be installed: see the lines above" >&2; exit 1; }
	@echo "Fetching Apache Kafka (once)"
	@$(BIN)/python -m candlewick.kafka_server --prepare
	@touch $@

demo: setup ## Run the whole pipeline on the simulated exchange and show it here; Ctrl-C ends it
	@$(BIN)/candlewick demo $(ARGS)

live: setup ## The same on the real Binance
	@$(BIN)/candlewick demo --live $(ARGS)

lint: setup ## Check lint rules, formatting, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests wait for servers a third of their time: three at once keep two processors busy.
test: lint ## Run lint and all but the long tests, with a real Kafka and a real ClickHouse engine
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'not slow' $(ARGS) || { \
	    code=$$?; [ $$code -eq 1 ] || exit $$code; \
	    echo "== run the failed tests once more, one at a time"; \
	    $(BIN)/pytest --last-failed --last-failed-no-failures none -m 'not slow' $(ARGS); }

test-long: setup ## Run the tests that take minutes each
	$(BIN)/pytest -m slow --timeout 3600 $(ARGS)

simulate: setup ## Run the real cores on a simulated Kafka, clock and exchange; ARGS="--steps 1000000 --seed 1"
	@$(BIN)/python -m tests.simulation $(ARGS)

attack: setup ## Start a stack, attack it and print the findings; ARGS="--short" for a part
	@$(BIN)/python -m tests.attack $(ARGS)

chaos: setup ## Do faults to a stack at random times and judge it: make chaos MINUTES=35 SEED=1
	@$(BIN)/python -m tests.chaos $(MINUTES) $(SEED) $(ARGS)

bench: setup ## Measure the figures of docs/benchmarks.md on this machine, the whole way first
	@for bench in bench_end_to_end $(filter-out %_end_to_end,$(BENCHES)) scaling; do \
	    echo "== bench.$$bench" && $(BIN)/python -m "bench.$$bench" || exit 1; done

docs: setup ## Make the pages of docs/ that come from the code, and the site, into site/
	$(BIN)/python -m tools.pages.build
	@$(BIN)/uv sync --frozen --quiet --inexact --group site --python $(BIN)/python
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: setup ## Build the package, into dist/
	@$(BIN)/uv build --quiet --clear --wheel

image: ## Build the image that docker-compose.yml runs; needs Docker
	docker build --tag candlewick:0.1.0 .

fresh: ## Run demo and tests on a bare Debian, as root: make fresh SUITE=bookworm, trixie or sid
	@tests/fresh.sh $(SUITE) '$(ARGS)'

clean: ## Remove .venv and caches, but not the data in .candlewick
	rm -rf $(VENV) $(BOOTSTRAP) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache site
