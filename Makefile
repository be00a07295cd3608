# Everything runs in .venv, made here: with uv where it is installed, else with venv and pip.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# The first interpreter on PATH that is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "WeiLink needs Python 3.10 or newer; none was found on PATH." >&2; exit 1; }
	@echo "Preparing .venv (once, about half a minute) ..."
	@rm -rf .venv
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --python "$(PYTHON)" .venv && \
		uv pip install --quiet --python $(BIN)/python -e . --group dev; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . --group dev; \
	fi
	@touch $@

.PHONY: check
check: .venv/.ready ## format, lint, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: .venv/.ready ## format the source and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The tests of a file share servers, so they stay together.
.PHONY: test-quick
test-quick: .venv/.ready ## tests without real agents, browsers and long runs
	$(BIN)/pytest -n auto --dist loadfile -m "not agents and not browser and not slow"

.PHONY: test
test: check ## every test, real agents included
	$(BIN)/pytest -n auto --dist loadfile -m "not agents and not browser and not slow"
# Playwright keeps an event loop in its thread, so the browser has a run of its own.
	$(BIN)/pytest -m "browser"
	$(BIN)/pytest -m "(agents or slow) and not browser"

.PHONY: demo
demo: .venv/.ready ## the product in 20 seconds, without an account
	@$(BIN)/python -m weilink.demo

.PHONY: bench
bench: .venv/.ready ## benchmarks, each as a ratio to something measured beside it
	@$(BIN)/python -m tests.bench

.PHONY: docs
docs: .venv/.ready ## write the help texts kept in files
	$(BIN)/python -m tests.helptext --write
