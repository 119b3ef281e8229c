# Every command a developer needs. `make help` lists them.
# PYTHON=python3.12 takes another interpreter, SETUP=no uses the .venv as it stands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
RUN := $(BIN)/python
export PYTHONPATH := src:.
# uv cannot always download an interpreter of its own: give it the one we were started with.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv

.PHONY: help setup demo test test-deep check format  bench docs \
        screenshot components clean

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# ---- set-up: everything below may be started on a fresh clone ----

ifeq ($(SETUP),no)
RUNTIME :=
READY :=
else
RUNTIME := .venv/.runtime
READY := .venv/.ready
endif

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than 3.11: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv \
	  || { echo "no venv module: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/.runtime: pyproject.toml uv.lock | .venv/bin/uv
	@UV_PYTHON=$(abspath $(BIN)/python) $(BIN)/uv sync --quiet --frozen --no-dev --inexact
	@touch $@

.venv/.ready: pyproject.toml uv.lock | .venv/bin/uv
	@UV_PYTHON=$(abspath $(BIN)/python) $(BIN)/uv sync --quiet --frozen --all-extras --inexact
	@touch .venv/.runtime $@

node_modules/.package-lock.json: package.json package-lock.json
	@if command -v npm >/dev/null; \
	 then npm ci --silent --no-audit --no-fund && touch $@; \
	 else echo "npm is missing: the page audits and the Azure tests will be skipped" >&2; fi

components: node_modules/.package-lock.json  ## install what tests drive for real (apt-get as root on Debian; else they skip)
	@if [ -x tools/components/install.sh ]; then tools/components/install.sh; fi

setup: $(READY) components  ## everything a developer needs, in .venv

# ---- using it ----

demo: $(RUNTIME)  ## a company's year of AI cost in your browser (PORT=8080)
	@$(BIN)/wm demo --port $(PORT)

# ---- proving it ----

test: setup  ## all tests, parallel, with doctests
	@$(BIN)/pytest -m "not deep"

test-deep: setup  ## the long runs on real components too
	@tools/components/install.sh mlflow ray
	@$(BIN)/pytest

check: $(READY)  ## format, lint, rooms, types, dependencies, dead code, shape, docs, golden files
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff . || true; echo "make format mends this" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --config .importlinter > .import_linter.log || { cat .import_linter.log; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/deptry . 2>&1 | { grep -v -E "Scanning|Success|^$$"|| true; }
	@$(RUN) -m tools.dead
	@$(RUN) -m tools.shape
	@$(RUN) -m tools.exceptions
	@$(RUN) -m tools.docs
	@$(BIN)/pytest -q -m golden tests --no-header --no-summary > .golden.log 2>&1 || [ $$? -eq 5 ] || { cat .golden.log; exit 1; }
	@echo "check: all good"

format:  ## write the code as `make check` wants it
	@$(BIN)/ruff format . ; $(BIN)/ruff check --fix .

docs: $(READY)  ## write docs/reference from the code
	@$(RUN) -m tools.reference

bench: $(READY)  ## every number we claim, one JSON line each
	@for bench in bench/*.py; do case $$bench in */figures.py|*/__init__.py) ;; *) $(RUN) $$bench --json ;; esac; done

screenshot: setup  ## docs/start/overview.png from the demo
	@$(RUN) -m tools.screenshot

clean:  ## remove what the commands above made
	@rm -rf .venv node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache \
	  .import_linter.log .golden.log .demo dist site
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
