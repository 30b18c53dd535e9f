# make setup | demo | test | lint | format | bench | soak | dist | pins | clean
#
# Needs Python 3.10+ (PYTHON=python3.12 names one) and make; Node and Chromium are found or fetched by `make setup`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
WORKERS ?= 2
BIN := $(CURDIR)/.venv/bin
NPM := npm --silent --prefix js-shim
export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

VENV := .venv/.commdoc
MODULES := js-shim/node_modules/.package-lock.json
CHROMIUM := .make/chromium

.PHONY: help setup static demo test lint format bench soak dist pins clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make setup    .venv with everything pinned, Node's packages, the built JavaScript, Chromium
setup: static $(CHROMIUM)

$(VENV): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "commdoc: $(PYTHON) is not Python 3.10 or later; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "commdoc: $(PYTHON) can't make a virtual environment (Debian, Ubuntu: apt-get install python3-venv)" >&2; rm -rf .venv; exit 1; }
	mkdir -p commdoc/server/static
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python tools/node.py
	@touch $@

$(MODULES): js-shim/package-lock.json | $(VENV)
	$(NPM) ci
	@touch $@

static: $(VENV) $(MODULES)
	@$(BIN)/python hatch_build.py

$(CHROMIUM): tools/chromium.sh
	@sh tools/chromium.sh
	@mkdir -p $(@D) && touch $@

## make demo     a real kernel runs notebooks/tour.ipynb, windows join it while it is busy; ONCE=1 ends by itself
demo: setup
	$(BIN)/commdoc demo $(if $(ONCE),--once)

## make test     TypeScript, then Python, interop, browser and notebooks; WORKERS=1 runs one test at a time
test: setup
	$(NPM) test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

## make lint     ruff, mypy, the import contracts; biome, tsc
lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(NPM) run lint
	$(NPM) run typecheck

## make format   what ruff and biome can mend by themselves
format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(NPM) run format

## make bench    the tables of docs/benchmarks
bench: setup
	$(BIN)/python -m pytest -m bench -s --timeout 1800 tests/bench

## make soak     the same stories for longer
soak: setup
	$(BIN)/python -m pytest -m soak --timeout 3600

## make dist     dist/: one wheel, one sdist
dist: $(VENV)
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python tools/check_dist.py dist

## make pins     constraints.txt from what is installed
pins: $(VENV)
	$(BIN)/python tools/pins.py > .make-pins && mv .make-pins constraints.txt

## make clean    everything that can be made again
clean:
	rm -rf .venv .make dist build js-shim/node_modules js-shim/dist commdoc/server/static commdoc/labextension .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
