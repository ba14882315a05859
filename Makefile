# bayswitch: `make demo` and `make test` do all set-up on a fresh machine (make, git, python3).

SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help demo test prove up bench load chaos fmt constraints clean
.DEFAULT_GOAL := help

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1 \2/p' $(MAKEFILE_LIST) | awk '{ printf "  %-12s", $$1; $$1 = ""; print }'

demo: $(READY) ## Tell one simulated day of payments; exit 0 only if all came as expected
	$(BIN)/bayswitch demo

up: $(READY) ## Serve a sandbox from .bayswitch until Ctrl-C
	$(BIN)/bayswitch up

bench: $(READY) ## Measure payments per second beside pgbench
	$(BIN)/bayswitch bench

load: $(READY) ## Load a switch of its own for ten seconds, audit it, write a report
	$(BIN)/bayswitch load smoke

chaos: $(READY) ## Break a switch under load for a minute, and prove its books (one seed)
	$(BIN)/bayswitch load chaos --seed 7

test: $(READY) ## Check style, types and behaviour: all but the long suites
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

prove: $(READY) ## Run the long suites: chaos, soak, long differential
	$(BIN)/pytest -m prove --ignore=tests/simulation
	$(BIN)/pytest -m prove -n 2 tests/simulation

fmt: $(READY) ## Format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: $(READY) ## Renew the pinned versions in constraints.txt
	$(BIN)/python -m uv pip compile --quiet --upgrade --universal --no-header --no-annotate --no-emit-package bayswitch-client \
		--extra dev -o constraints.txt pyproject.toml client/pyproject.toml

clean: ## Remove the environment and all caches; .bayswitch (the data) stays
	rm -rf .venv .boot .pytest_cache .mypy_cache .ruff_cache .hypothesis build client/build *.egg-info client/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml client/pyproject.toml constraints.txt .ci/setup
	@echo "setting up .venv ..."
	@.ci/setup
	@touch $@
