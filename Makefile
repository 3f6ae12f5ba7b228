# ICN: `make` sets up, builds, validates, releases and answers; `make test` runs the tests; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# A folder with the texts of articles, which are not ours to publish; those found there are checked.
ifeq ($(origin TEXTS),undefined)
TEXTS  := $(wildcard ../shared/articles)
endif
# The folder that `make load` reads from.
RECORDS ?= data
# How many processes the tests run in: as many as the machine has processors.
JOBS   ?= auto
# How many synthetic quads the benchmark and the attacks are run on.
QUADS  ?= 1000000
# How long, in seconds, sixteen clients attack the endpoint with all that it reads.
ABUSE_SECONDS ?= 600

# What a person gives is data: recipes read it from the environment, so that neither make nor the shell takes a part of
# it for its own. Nor does make know any file that is built from: `kgbuild build --if-changed` looks for itself.
GIVEN := PYTHON TEXTS RECORDS ENDPOINT GRAPH_STORE RESOLVED_GRAPH W3C_TESTS JOBS QUADS ABUSE_SECONDS
define take
override $(1) := $$(value $(1))
export $(1)
endef
$(foreach name,$(GIVEN),$(if $(filter undefined,$(origin $(name))),,$(eval $(call take,$(name)))))

.PHONY: all
all: release  ## Set up, build, validate, release, and answer the question
	@$(BIN)/kgbuild ask academies-joined-network --network china-central-asia-academies --year 2023

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(VENV)/.installed: requirements/build.lock requirements/development.lock pyproject.toml
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || "$$PYTHON" -m venv $(VENV) || \
	  { echo "This Python cannot make a virtual environment: install python3-venv."; exit 2; }
	@echo "Installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/development.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f build/.built  # what is built depends on what is installed
	@touch $@

.PHONY: release
release: $(VENV)/.installed  ## Build, validate and release if anything has changed since the last time
	@$(BIN)/kgbuild build --if-changed $${TEXTS:+--texts="$$TEXTS"}

.PHONY: build
build: $(VENV)/.installed  ## Build, validate and release, whether or not anything changed
	@$(BIN)/kgbuild build $${TEXTS:+--texts="$$TEXTS"}

.PHONY: validate
validate: $(VENV)/.installed  ## Check all records and say what is wrong where; release nothing
	@$(BIN)/kgbuild validate $${TEXTS:+--texts="$$TEXTS"}

.PHONY: load
load: $(VENV)/.installed  ## Release RECORDS (a folder), and load them into ENDPOINT (a SPARQL server) if given
	@$(BIN)/kgbuild load --records="$$RECORDS" $${TEXTS:+--texts="$$TEXTS"} $${ENDPOINT:+--endpoint="$$ENDPOINT"} \
	  $${GRAPH_STORE:+--graph-store="$$GRAPH_STORE"} $${RESOLVED_GRAPH:+--resolved-graph="$$RESOLVED_GRAPH"}

.PHONY: serve
serve: release  ## Serve the current release at http://127.0.0.1:8000/: pages, search, questions, SPARQL
	@$(BIN)/kgbuild serve

.PHONY: schemas
schemas: $(VENV)/.installed  ## Write the JSON Schemas that editors use
	@$(BIN)/kgbuild schemas

.PHONY: mappings entailments
mappings: $(VENV)/.installed  ## Write docs/mappings.md from the ontology
	@$(BIN)/python tests/mappings.py

entailments: $(VENV)/.installed  ## Write docs/entailments.md: what follows from one article with all outside ontologies
	@$(BIN)/python tests/entailments.py

.PHONY: check
check: $(VENV)/.installed audit  ## Lint, types, layers, nothing dead or defined twice, no known advisory
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest tests/test_structure.py tests/test_architecture.py

.PHONY: test
test: $(VENV)/.installed build/w3c-tests  ## Run the tests, in JOBS processes
	@KGBUILD_TEXTS="$$TEXTS" W3C_SHORT=build/w3c-tests \
	  $(BIN)/pytest -rs -n "$$JOBS" --dist loadscope --no-loadscope-reorder

.PHONY: mutants
mutants: $(VENV)/.installed  ## Break each rule, check and shape in every small way, and tell which breaks no test notices
	@PYTHONPATH=tests $(BIN)/python tests/mutants/mutants.py

# The tests of SPARQL 1.1: where they cannot be fetched the tests that need them say so and are skipped.
build/w3c-tests: $(VENV)/.installed tests/fetch_w3c.py
	@$(BIN)/python tests/fetch_w3c.py $@ && touch $@ || true

.PHONY: bench
bench: $(VENV)/.installed  ## Measure builds of 100 and 1,000 generated articles beside peers
	@$(BIN)/python bench/build.py 100 1000

.PHONY: bench-serve
bench-serve: release build/peers  ## Measure the endpoint beside peers, on the release and on QUADS synthetic quads
	@$(BIN)/python bench/serve.py build/current/graph.nq
	@$(BIN)/python bench/generate.py "$$QUADS" build/bench.nq
	@$(BIN)/python bench/serve.py build/bench.nq
	@$(BIN)/python bench/pages.py build
	@$(BIN)/python bench/search.py build/bench.nq

build/peers: bench/peers.lock
	@"$$PYTHON" -m venv $@
	@$@/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r bench/peers.lock
	@touch $@

.PHONY: conformance
conformance: $(VENV)/.installed  ## Run the W3C's tests of SPARQL from W3C_TESTS, a checkout of w3c/rdf-tests
	@$(BIN)/pytest tests/conformance -m conformance

.PHONY: abuse
abuse: $(VENV)/.installed  ## Attack the endpoint at length, over QUADS synthetic quads
	@mkdir -p build
	@$(BIN)/python bench/generate.py "$$QUADS" build/abuse.nq
	@ABUSE_DATA=build/abuse.nq $(BIN)/pytest tests/abuse -rP -m 'abuse or not abuse'

.PHONY: npm
npm:  ## Install into build/ what tests take from npm: Comunica, axe-core, jsonld.js, outside ontologies
	@for name in comunica axe jsonld vocabularies; do tests/install_npm.sh tests/$$name build/$$name; done

# What a server runs on, and nothing else: the environment of docs/deploy.md.
build/server: requirements/build.lock requirements/server.lock pyproject.toml
	@"$$PYTHON" -m venv --clear $@
	@$@/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.lock
	@$@/bin/python -m pip install -q --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/server.lock
	@$@/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation .
	@$@/bin/python -m pip uninstall -q -y -r requirements/build.lock
	@touch $@

.PHONY: audit
audit: $(VENV)/.installed  ## Compare what is locked with the known advisories
	@$(BIN)/python deploy/audit.py requirements/*.lock

.PHONY: sbom
sbom: build/server build/sbom  ## Write build/sbom.cdx.json: what a server consists of (CycloneDX)
	@build/sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON -o build/sbom.cdx.json build/server

build/sbom: requirements/sbom.lock
	@"$$PYTHON" -m venv --clear $@
	@$@/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/sbom.lock
	@touch $@

.PHONY: lock
lock:  ## Pin the dependencies anew (needs uv)
	uv pip compile pyproject.toml --extra curate --extra dev $(PINNED) -o requirements/development.lock
	uv pip compile pyproject.toml -c requirements/development.lock $(PINNED) -o requirements/server.lock
	echo cyclonedx-bom | uv pip compile - $(PINNED) -o requirements/sbom.lock

PINNED := --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: clean
clean:  ## Remove what was generated; the environment stays
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
