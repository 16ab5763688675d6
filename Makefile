# Cupel. A machine with Python >= 3.11, make and a C compiler needs two commands:
#
#   make demo     the whole economy on this machine (options: make demo ARGS="--json --nodes 4")
#   make test     every test, Python and Solidity
#
# Both set the project up first, in .venv and node_modules; a repeated run skips what is done.

PYTHON ?=
# A bare `torch` fetches gigabytes of CUDA packages on Linux; at this version the CPU build is found where there is
# one. A GPU user names another requirement here: make TORCH="torch==2.13.0+cu130" demo
TORCH ?= torch==2.13.0
export PYTHON TORCH
ARGS ?=

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test check bind vectors snapshots deploy campaign chaos coverage slither prove \
	differential-toploc docs locks clean clean-all
.DELETE_ON_ERROR:

STEP := @tools/setup.sh
KERNEL_SOURCES := $(wildcard protocol/spec/kernel/* protocol/spec/*/kernel/*)
CONTRACT_SOURCES := $(shell find contracts -name '*.sol' 2>/dev/null)
# make before 4.4 does not export variables to $(shell).
$(shell TORCH='$(TORCH)' tools/setup.sh stale)

help:
	@sed -n 's/^## //p' Makefile

## make setup      install everything into .venv and node_modules, and compile the contracts
setup: .setup/contracts
	@:

## make demo       set up, then run `cupel demo`; options in ARGS="..."
demo: setup
	@. tools/path.sh && exec .venv/bin/cupel demo $(ARGS)

## make test       set up, install the IPFS implementations and the browser driver that tests ask, then run every test
test: setup .setup/ipfs .setup/browser
	@. tools/path.sh && sh tools/test.sh

## make check      set up, then run formatters, linters, type checker, import rules and generated-file checks
check: setup
	@. tools/path.sh && sh tools/check.sh

## make bind       regenerate protocol/chain/bindings from the contracts
bind: setup
	@. tools/path.sh && forge build contracts && python tools/bindgen.py

## make locks      write the hashes of all pinned packages again; ARGS=--newest takes newer versions first
locks: setup .setup/locking
	@. tools/path.sh && exec python tools/lock_python.py $(ARGS)

## make vectors    regenerate tests/vectors from the specification
vectors: setup
	@. tools/path.sh && python tools/fill_vectors.py

## make snapshots  measure gas and sizes of the contracts again, and what commands print, and write both
snapshots: setup
	@. tools/path.sh && sh tools/snapshots.sh write

## make deploy     set up, then a dry run of NETWORK=name RPC=url; ARGS="--broadcast --account name" sends
deploy: setup
	@: $(or $(NETWORK),$(error NETWORK is missing: the name of a file in deploy/networks)) $(or $(RPC),$(error RPC is missing: the URL of the chain's endpoint))
	@. tools/path.sh && exec forge script deploy/script/Deploy.s.sol --sig 'run(string)' \
		deploy/networks/$(NETWORK).toml --rpc-url $(RPC) $(ARGS)

## make differential-toploc   build the toploc package from source and compare toploc_compat with it (minutes)
differential-toploc: setup
	@. tools/path.sh && tools/differential_toploc.sh $(ARGS)

## make docs       the documentation as a site under .site/html; ARGS="--serve" shows it
docs: setup .setup/docs
	@. tools/path.sh && exec python tools/docs_site.py $(ARGS)

## make campaign   set up, then hold the hub's invariants under a million calls (a quarter of an hour); SEED=0x... repeats one
campaign: setup
	@. tools/path.sh && SEED="$(SEED)" RUNS="$(RUNS)" exec sh tools/campaign.sh

## make chaos      set up, then the economy under kills, reorganisations, partitions and liars; SEED=5 RUNS=1 repeats one
chaos: setup
	@. tools/path.sh && exec .venv/bin/cupel chaos $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

## make coverage   set up, then measure which lines and branches of the contracts the tests reach (minutes)
coverage: setup
	@. tools/path.sh && exec python tools/contract_coverage.py $(ARGS)

## make slither    set up slither, then hold its findings against the answers in docs/slither.md (a minute)
slither: .setup/contracts .setup/audit
	@. tools/path.sh && exec python tools/slither_answers.py

## make prove      set up halmos, then prove the hub's arithmetic for every value (three minutes)
prove: .setup/contracts .setup/audit
	@. tools/path.sh && exec sh tools/prove.sh $(ARGS)

## make clean      remove what builds and tools made; the set-up stays
clean:
	rm -rf out cache build .site .typing .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f .setup/packages .setup/contracts

## make clean-all  remove the set-up as well
clean-all: clean
	rm -rf .venv .venv-audit .setup .differential node_modules tests/interop/ipfs_daemon/node_modules cupel.egg-info
	rm -f protocol/spec/_keccak.*so protocol/spec/*/_kernel.*so

.setup/prerequisites: tools/setup.sh
	$(STEP) prerequisites
.setup/environment: | .setup/prerequisites
	$(STEP) environment
.setup/packages: .setup/environment requirements/build.txt requirements/lock.txt pyproject.toml setup.py \
		$(KERNEL_SOURCES)
	$(STEP) packages
.setup/torch: .setup/packages
	$(STEP) torch
.setup/tools: package.json package-lock.json requirements/node.txt | .setup/torch
	$(STEP) tools
.setup/audit: requirements/audit.txt | .setup/prerequisites
	$(STEP) audit
.setup/contracts: .setup/tools foundry.toml tools/solc $(CONTRACT_SOURCES)
	$(STEP) contracts
.setup/locking: requirements/locking.txt | .setup/packages
	$(STEP) locking
.setup/docs: requirements/docs.txt | .setup/packages
	$(STEP) docs
.setup/browser: requirements/browser.txt | .setup/packages
	$(STEP) browser
.setup/ipfs: $(wildcard tests/interop/ipfs_daemon/package*.json) requirements/ipfs.txt | .setup/tools
	$(STEP) ipfs
