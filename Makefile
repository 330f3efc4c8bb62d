# Two commands do everything on a fresh machine:  make results,  make test.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev results test lint bench lock schema clean

PYTHON ?= python3
CORES ?= all
PYTEST_ARGS ?=
BIN := .venv/bin
# The workflow and the tests find the commands of this environment, whatever else is active.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/pyvenv.cfg:
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, found {v[0]}.{v[1]}: make PYTHON=... ")'
	$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/pyvenv.cfg envs/requirements.lock pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r envs/requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp envs/requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r envs/requirements-dev.lock
	@touch $@

setup: .venv/run.stamp  ## Create the environment from the pinned lock

setup-dev: .venv/dev.stamp

results: .venv/run.stamp  ## Run the experiment of config.yaml up to results/report.html
	snakemake --cores $(CORES)
	@echo "Open results/report.html"

test: .venv/dev.stamp lint  ## Check the code and run all tests
	pytest $(PYTEST_ARGS)

lint: .venv/dev.stamp  ## Formatting, linting, types, rooms, workflow
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	snakefmt --check Snakefile workflow
	snakemake --lint

bench: .venv/dev.stamp  ## Measure speed, as ratios
	python -m benchmarks

lock: .venv/dev.stamp  ## Pin what is installed: envs/*.lock and envs/environment.yaml
	python envs/lock.py

schema: .venv/run.stamp  ## Write workflow/schemas/config.schema.json
	actsearch schema > workflow/schemas/config.schema.json

clean:  ## Remove the environment, caches and logs; results/ is never touched
	rm -rf .venv build src/*.egg-info logs .snakemake/log
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
