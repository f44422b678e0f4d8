# The commands of the project; `make` alone lists them. Works with GNU make 3.81 (macOS) and later.

PYTHON ?= >=3.11,<3.14
BIN := .venv/bin
# The slow tests wait for processes a third of the time.
WORKERS := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)))

.DEFAULT_GOAL := help
.PHONY: help env run test test-pythons test-days test-fast check prove bench audit aws-local aws-local-down format docs lock clean
.SUFFIXES:

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r name text; do printf 'make %-14s %s\n' "$$name" "$$text"; done

env: .venv/.ready ## make .venv with everything from the lock
	@:

# The stamp is written last: an install that was broken off is done again.
%/.ready: requirements.lock pyproject.toml
	@sh scripts/venv.sh "$*" "$(PYTHON)" requirements.lock
	@touch "$@"

# With what Tally is measured and proven against, which its users do not need.
.venvs/bench/.ready: requirements.lock benchmarks/requirements.lock pyproject.toml
	@sh scripts/venv.sh .venvs/bench "$(PYTHON)" requirements.lock benchmarks/requirements.lock
	@touch "$@"

run: env ## start the Dagster UI on http://127.0.0.1:3000 and the first sync
	@$(BIN)/tally up

# A file's tests stay together: they share what its fixtures set up. Files go in the tests' order, the slow ones first.
test: check ## lint, types, every test, then the fast tests on the machine's newest Python
	@$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 15
	@sh scripts/test_other_pythons.sh

test-pythons: env ## the fast tests on each other Python that the machine has
	@sh scripts/test_other_pythons.sh all

test-days: env ## the fast tests and a first `tally up` on other days, by libfaketime: New Year, a leap day, … DAYS= picks
	@$(BIN)/python scripts/other_days.py tests $(DAYS) --numprocesses auto --dist loadfile
	@$(BIN)/python scripts/other_days.py up $(DAYS)

test-fast: env ## the tests that take seconds each, without browser and long processes: a few minutes
	@$(BIN)/python -m pytest -q -m "not slow and not browser" --numprocesses $(WORKERS) --dist loadfile

check: env ## lint, format, types, and which room may import which
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

prove: .venvs/bench/.ready ## try to prove it wrong: killed, crossed, lied to, fuzzed, beside dlt; LONG=1 tries every case
	@.venvs/bench/bin/python -m proof $(if $(LONG),--long --write proof/RESULTS.md)

bench: .venvs/bench/.ready ## measure it beside what people use today, and write benchmarks/RESULTS.md
	@.venvs/bench/bin/python -m benchmarks

audit: .venvs/bench/.ready ## ask whether a dependency has a known vulnerability (needs the network)
	@.venvs/bench/bin/python -m proof.inspection.supply_chain

aws-local: env ## the pipeline on AWS emulated on this machine, by real Terraform; RECORDINGS=DIR syncs recorded replies
	@$(BIN)/python -m testkit.aws.local up
	@$(BIN)/python -m testkit.aws.local walk $(if $(RECORDINGS),--recordings $(RECORDINGS))

aws-local-down: env ## destroy that again
	@$(BIN)/python -m testkit.aws.local down

format: env ## put the code into shape
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: env ## write what is generated anew: README's parts, data dictionary, settings, contracts, the report's Vega
	@$(BIN)/python scripts/readme.py
	@$(BIN)/python scripts/contract.py
	@$(BIN)/python scripts/vega.py
	@$(BIN)/python scripts/events_schema.py

lock: ## write the locks anew, with the newest versions allowed
	@sh -eu -c '. scripts/uv.sh; "$$UV" pip compile pyproject.toml --group dev --quiet --upgrade \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --output-file requirements.lock; \
		"$$UV" pip compile pyproject.toml --group build --quiet --upgrade --constraint requirements.lock \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --output-file requirements.run.lock; \
		"$$UV" pip compile benchmarks/requirements.in --quiet --upgrade --constraint requirements.lock \
		--override benchmarks/requirements.overrides \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --output-file benchmarks/requirements.lock; \
		echo checkov | "$$UV" pip compile - --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" --output-file deploy/checkov.lock; \
		echo uv | "$$UV" pip compile - --quiet --upgrade --universal --python-version 3.9 --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" --output-file scripts/uv.lock'

clean: ## remove the environments and caches; the lake and Dagster's history stay
	rm -rf .venv .venvs .uv .ci/output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
