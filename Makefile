# Two commands do all the set-up: `make synth` and `make test`.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.synth-installed
DEV_STAMP := $(VENV)/.dev-installed
NODE_STAMP := node_modules/.installed
SERVERS_STAMP := local_cloud/servers/node_modules/.installed
MINISTACK := .venv-ministack
MINISTACK_STAMP := $(MINISTACK)/.installed
WORKER := .venv-functions
WORKER_STAMP := $(WORKER)/.installed

# Always set: an explicit synth may replace the stacks of another twin in cdktf.out.
TWIN ?= $(firstword $(wildcard twin.yaml) examples/three-clouds.yaml)
synth demo: export TWIN := $(TWIN)
export CHECKPOINT_DISABLE := 1
# Bytecode of the bindings is worth a second of every synth; pip leaves it to the first run, for what is used.
export PYTHONDONTWRITEBYTECODE :=
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

# Tests run in one process more than there are cores, up to four: some wait for servers. `TESTS=` runs them in one.
TESTS ?= -n $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 4 ? cores + 1 : 4))) --no-loadscope-reorder

# Benchmarks run small where QUICK is set, to see that each still works.
QUICK ?=

# The demonstration stays up until Ctrl-C where KEEP is set.
KEEP ?=

# Seeds of the simulation, and how many from the first.
START ?= 0
SEEDS ?= 1000

.PHONY: help synth demo local-cloud check fast lint types test test-all simulation simulation-worth docs schema record-release snapshots edits pictures bench clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

synth: $(STAMP) $(NODE_STAMP) ## twin.yaml (TWIN=path) to Terraform in cdktf.out/, with a summary
	@$(VENV)/bin/twinspan synth

demo: local-cloud ## The twin (TWIN=path) on this machine, without a cloud account (KEEP=1 leaves it up)
	@$(VENV)/bin/twinspan demo $(if $(KEEP),--keep)

local-cloud: $(DEV_STAMP) $(SERVERS_STAMP) $(MINISTACK_STAMP) $(WORKER_STAMP) ## Install the emulators of the clouds

check: $(DEV_STAMP) $(NODE_STAMP) ## Format, lint, types, fast tests: before every commit
	@$(MAKE) --no-print-directory -j2 lint types fast

fast: $(DEV_STAMP) $(NODE_STAMP)
	@$(PY) -m pytest -q $(TESTS) -m "not slow and not terraform and not servers and not browser and not matrix"

lint: $(DEV_STAMP) ## Format, lint, and who may import whom
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check .
	@PYTHONPATH=.:constructs:function_src $(VENV)/bin/lint-imports --no-cache --no-logo

types: $(DEV_STAMP) ## Type check
	@$(VENV)/bin/pyright

test: $(NODE_STAMP) local-cloud ## All tests but the long matrices
	@$(PY) -m pytest -q $(TESTS) -m "not slow" --durations=30

test-all: $(NODE_STAMP) local-cloud lint types ## Everything
	@$(PY) -m pytest -q $(TESTS)

simulation: $(DEV_STAMP) ## Simulate faults: SEEDS=1000 seeds from START=0; one that fails is printed
	@PYTHONPATH=.:constructs:function_src:tests $(PY) -m simulation.run --start $(START) --seeds $(SEEDS)

simulation-worth: $(DEV_STAMP) ## Plant faults, and measure how many seeds find each (minutes)
	@PYTHONPATH=.:constructs:function_src:tests $(PY) -m simulation.worth

docs: $(DEV_STAMP) $(NODE_STAMP) ## Render the deployment guides, the picker, the parity page and command.md in docs/
	@$(PY) -m guides docs
	@$(PY) -m command.reference docs/command.md

schema: $(DEV_STAMP) ## Write docs/twin.schema.json
	@PYTHONPATH=constructs:function_src $(PY) -m twinspan.config.schema docs/twin.schema.json

record-release: local-cloud ## At a release: record what it writes, for the upgrade tests of the next one
	@PYTHONPATH=.:constructs:function_src:tests $(PY) -m releases.record

snapshots: $(DEV_STAMP) ## Accept the synthesized stacks as the new snapshots
	@$(PY) -m pytest -q tests/synth --snapshot-update

edits: local-cloud ## Plan every edit of a deployed twin, and write docs/edits.md (a quarter of an hour)
	@$(PY) -m pytest -q tests/edits --snapshot-update

pictures: local-cloud ## Plan and run a twin, and draw docs/plan.svg and docs/status.svg (minutes)
	@$(PY) -m pytest -q tests/command/test_pictures.py --snapshot-update

bench: local-cloud ## Measure, and write docs/performance.md (QUICK=1: every benchmark small, and no page)
	@$(PY) -m benchmarks $(if $(QUICK),--quick)

clean: ## Remove what was synthesized and installed; Terraform state stays
	@rm -rf cdktf.out .local-cloud $(VENV) $(MINISTACK) $(WORKER) node_modules local_cloud/servers/node_modules twinspan.egg-info

$(PY):
	@scripts/python-version "$(PYTHON)"
	@echo "Creating the Python environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.txt pyproject.toml | $(PY)
	@scripts/node-version
	@echo "Installing CDKTF and the provider bindings (1.3 GB on disk, a few minutes the first time) …"
	@$(PY) -m pip install --quiet --no-compile --disable-pip-version-check -r requirements.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@echo "Unpacking them for the jsii kernel (1.1 GB in your user cache, half a minute) …"
	@PYTHONPATH=constructs $(PY) -m twinspan.loading.indexes
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(STAMP)
	@echo "Installing the tools for tests and checks …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(NODE_STAMP): package-lock.json
	@scripts/node-version
	@echo "Installing the cdktf command line (420 MB on disk, about a minute) …"
	@npm ci --silent --no-progress
	@touch $@

$(MINISTACK_STAMP): requirements-ministack.txt | $(PY)
	@echo "Installing MiniStack, the emulator of AWS, in its own environment …"
	@$(PYTHON) -m venv $(MINISTACK)
	@$(MINISTACK)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-ministack.txt
	@touch $@

# Azure's worker needs Python 3.13. Without one the function apps are run by azure-functions alone.
$(WORKER_STAMP): requirements-functions.txt | $(PY)
	@scripts/functions-environment $(WORKER) requirements-functions.txt
	@touch $@

$(SERVERS_STAMP): local_cloud/servers/package-lock.json
	@scripts/node-version
	@echo "Installing the emulators that run on Node …"
	@cd local_cloud/servers && npm ci --silent --no-progress
	@touch $@
