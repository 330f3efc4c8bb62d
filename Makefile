# Two commands do everything on a fresh machine:  make results,  make test.
.DEFAULT_GOAL := help
.PHONY: help setup results test lint docs bench bench-gpu slurm-demo lock schema clean

PYTHON ?= python3
CORES ?= all
PYTEST_ARGS ?=
# One more than there are cores: tests of SLURM wait more than they compute.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
BIN := .venv/bin

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, found {v[0]}.{v[1]}: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/run.stamp: .venv/pyvenv.cfg envs/requirements.lock pyproject.toml
	@echo "Installing PyTorch and the rest into .venv, about 7 GB: 2 to 8 minutes without further lines"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r envs/requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp envs/requirements-dev.lock
	@echo "Installing what tests and the documentation need: some minutes without further lines"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r envs/requirements-dev.lock
	@touch $@

setup: .venv/run.stamp  ## Create the environment from the pinned lock

results: .venv/run.stamp  ## Run the experiment of config.yaml up to results/report.html
	$(BIN)/snakemake --cores $(CORES)
	@echo "Open results/report.html"

test: .venv/dev.stamp lint  ## Check the code and run all tests
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: .venv/dev.stamp  ## Formatting, linting, types, rooms, workflow
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

docs: .venv/dev.stamp  ## Build the documentation: build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/site/index.html; its search needs a server: python3 -m http.server --directory build/site"

bench: .venv/dev.stamp  ## Measure speed, as ratios
	$(BIN)/python -W ignore -m benchmarks

bench-gpu: .venv/dev.stamp  ## Measure speed on a GPU, in 15 minutes
	$(BIN)/python -W ignore -m benchmarks.gpu

slurm-demo: .venv/run.stamp  ## Show the profile on a private SLURM cluster (root on Debian); KEEP=1 keeps it
	tests/slurm/demo

lock: .venv/dev.stamp  ## Pin what is installed: envs/*.lock and envs/environment.yaml
	$(BIN)/python envs/lock.py

schema: .venv/run.stamp  ## Write workflow/schemas/config.schema.json
	$(BIN)/actsearch schema > workflow/schemas/config.schema.json.new
	mv workflow/schemas/config.schema.json.new workflow/schemas/config.schema.json

clean:  ## Remove the environment, caches and logs; results/ is never touched
	rm -rf .venv build src/*.egg-info logs .snakemake/log
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache .coverage
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
