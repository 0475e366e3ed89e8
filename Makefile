# What a contributor types. `make test` sets up everything that it needs on a fresh machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# Hashes, and no download addresses: those are each machine's own business.
PIN := .venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate
export ANSIBLE_INJECT_FACT_VARS := false

.PHONY: help test lint sanity unit ansible-units docs versions lab e2e soak bench molecule venv browser compiler shellcheck requirements clean

help: ## this list
	@grep -hE '^[a-z0-9_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

test: venv ## everything, cheap layers first
	$(MAKE) --jobs=2 --output-sync=target lint sanity
	$(MAKE) unit
	$(MAKE) e2e
	$(MAKE) molecule SCENARIOS="$(OFTEN)"

# They run on the Python that a server has; the oldest is in tests/config.yml, too.
ON_SERVERS := plugins/modules plugins/module_utils plugins/doc_fragments

lint: venv ## ansible-lint (profile production), ruff, oldest Python, shell syntax, changelog fragments
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	ANSIBLE_HOME=$(CURDIR)/.ansible/home .venv/bin/ansible-lint --offline
	.venv/bin/vermin --quiet --no-tips --target=3.10- --violations $(ON_SERVERS)
	bash -n run.sh .ci/run
	.venv/bin/antsibull-changelog lint

sanity: venv shellcheck ## what Ansible itself asks of a collection (ansible-test sanity), with each Python that is here
	$(PYTHON) tests/run_ansible_test.py sanity

unit: venv compiler ## modules, labhub and the contracts between defaults, specs and templates
	$(PYTEST) -n 2 tests/unit tests/singleuser tests/bench tests/hub tests/contract

ansible-units: venv compiler ## the unit tests as ansible-test runs them
	$(PYTHON) tests/run_ansible_test.py units --venv --python default

docs: venv ## docs/reference anew, from what roles and plugins say of themselves
	$(PYTHON) docs/make_reference.py

versions: venv compiler ## unit and contract layers on each ansible-core that is promised; needs Python 3.11 and 3.12 or 3.13
	$(PYTHON) tests/run_versions.py

lab: ## the lab on this machine, brought up or put right
	./run.sh

# The same sample of the drifts each time; `make soak` tries them all.
e2e: export LAB_DRIFTS_SEED ?= 6081
e2e: venv browser compiler lab ## drift, refusals, a browser and an API client, on the lab of this machine
	$(PYTEST) tests/e2e

# A seed stands in the name of each test of drift; LAB_DRIFTS_SEED=<seed> tries the same again.
soak: export LAB_DRIFTS := all
soak: export LAB_DRIFT_COMBINATIONS ?= 200
soak: export LAB_INTERRUPTIONS ?= 30
soak: venv lab ## every drift and LAB_DRIFT_COMBINATIONS (200) of several at once, here and on a server; LAB_INTERRUPTIONS (30); takes hours
	$(PYTEST) -v tests/e2e/test_drift.py tests/e2e/test_drift_network.py
	$(MAKE) molecule SCENARIOS="drift $(SELDOM)"

bench: venv lab ## the lab beside a plain JupyterHub, written to docs/performance.md; about twenty minutes, as root
	PYTHONPATH=tests $(PYTHON) -m bench $(BENCH_OPTIONS)

# The longest first, as two are at work at a time. `make test` leaves out those whose roles others try on Debian 13.
OFTEN := gpu drift airgap site docker_engine_ce refused
SELDOM := proxied site_debian12
SCENARIOS ?= $(OFTEN) $(SELDOM)

# As for e2e.
molecule: export LAB_DRIFTS_SEED ?= 6081
molecule: venv compiler ## SCENARIOS (all) of roles on servers of their own, reached over SSH; needs Debian and a Docker engine
	.venv/bin/ansible-playbook molecule/shared/image.yml
	PATH=$(CURDIR)/.venv/bin:$$PATH $(PYTHON) tests/run_scenarios.py $(SCENARIOS)

venv: .venv/.stamp-test

.venv/.stamp-test: requirements.txt requirements-test.txt
	./run.sh venv
	$(PYTHON) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-test.txt
	touch $@

# Debian's packages, only where a command is missing.
define from_debian
@command -v $(1) >/dev/null || { \
  as_root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
  $$as_root apt-get update -q && \
  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(2); }
endef

browser: ## Debian's Chromium, for the browser tests
	$(call from_debian,chromium,chromium fonts-dejavu-core)

compiler: ## Debian's C compiler, for the double of NVML that tests of GPUs are run with
	$(call from_debian,gcc,gcc libc6-dev)

shellcheck: ## Debian's shellcheck, for make sanity
	$(call from_debian,shellcheck,shellcheck)

requirements: venv ## pin the requirements anew, with hashes
	$(PIN) --universal --python-version 3.11 requirements.in -o requirements.txt
	$(PIN) --universal --python-version 3.11 requirements-test.in -o requirements-test.txt
	$(PIN) --python-version 3.13 files/hub/requirements.in -o files/hub/requirements.txt
	$(PIN) --python-version 3.13 files/singleuser/requirements.in -o files/singleuser/requirements.txt
	for cuda in 13.0 12.8 12.6; do for package in torch cupy; do \
	  $(PIN) --python-version 3.13 --python-platform x86_64-manylinux_2_28 -c files/singleuser/requirements.txt \
	    $$([ $$package = torch ] || echo -c files/singleuser_gpu/cuda-$$cuda-torch.txt) \
	    files/singleuser_gpu/cuda-$$cuda-$$package.in -o files/singleuser_gpu/cuda-$$cuda-$$package.txt || exit; done; done
	$(PIN) --python-version 3.13 files/proxy/requirements.in -o files/proxy/requirements.txt
	cd files/proxy && npm install --package-lock-only --omit-lockfile-registry-resolved=true

clean: ## what tests leave behind; the lab stays
	rm -rf test-results .pytest_cache .ruff_cache .hypothesis
	docker image ls --quiet 'gpulab-molecule/debian*' | xargs --no-run-if-empty docker image rm
