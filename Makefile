# Needs Python 3.11 or newer, make and a package index; `make images` needs Docker.
# Everything is installed into .venv, from requirements/*.txt and by hash.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
IMAGES := docker-tutorial
# Python code beside the package; a folder counts once it has some.
CODE := src $(sort $(patsubst %/,%,$(dir $(wildcard tests/*.py bench/*.py scripts/*.py))))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Errors only: pip also warns of what the user of make can do nothing about.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --quiet
PIP_INSTALL_HASHED := $(PIP_INSTALL) --require-hashes --only-binary :all:

# Node's gRPC client, for tests and benchmarks; without npm those that need it are skipped.
NODE_STAMP := $(if $(shell command -v npm),$(VENV)/node.stamp)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format lock images bench clean

help: ## show this list
	@echo 'usage: make TARGET [PYTHON=python3] [ARGS=...]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
		while IFS="$$(printf '\t')" read -r name text; do printf '  make %-7s %s\n' "$$name" "$$text"; done

run: $(VENV)/runtime.stamp ## run both services here: lines on port 3000, HTTP on 8000, gRPC on 7000, telnet on 10000, pages on 8080
	@exec $(BIN)/pricedesk up $(ARGS)

test: $(VENV)/dev.stamp $(NODE_STAMP) ## run the tests, e.g. make test ARGS='-m "not docker"'
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.stamp ## check format, lint and types
	@$(BIN)/ruff format --quiet --check . || { $(BIN)/ruff format --diff .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary $(CODE)
	@echo 'Format, lint and types are as they should be.'

format: $(VENV)/dev.stamp ## bring the code into format and mend what lint can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

bench: $(VENV)/dev.stamp $(NODE_STAMP) ## run the benchmarks, all or e.g. make bench ARGS='lines telnet'
	@PYTHONPATH=tests $(BIN)/python bench/_all.py $(ARGS)

images: ## build both Docker images
	@echo 'Building $(IMAGES)/ex4-backend and $(IMAGES)/ex4-frontend.'
	@for service in backend frontend; do \
		output=$$(docker build --progress plain --file Dockerfile.$$service \
			--tag $(IMAGES)/ex4-$$service \
			--build-arg REVISION="$$(git rev-parse HEAD)" \
			--build-arg CREATED="$$(git show --no-patch --format=%cI HEAD)" . 2>&1) \
		|| { echo "$$output"; exit 1; }; done

# A group's file is made again from pyproject.toml. Versions stay as they are where they
# still fit; UPGRADE=1 takes the newest. dev has everything, so it decides for the others.
UPGRADE ?=
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	$(if $(UPGRADE),--upgrade)

lock: $(VENV)/lock.stamp ## write requirements/*.txt again; UPGRADE=1 takes the newest versions
	@$(COMPILE) pyproject.toml --group dev --output-file requirements/dev.txt
	@$(COMPILE) pyproject.toml --constraint requirements/dev.txt --output-file requirements/runtime.txt
	@$(COMPILE) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	@$(COMPILE) --group backend --constraint requirements/dev.txt --output-file requirements/backend.txt
	@$(COMPILE) --group frontend --constraint requirements/dev.txt --output-file requirements/frontend.txt
	@$(COMPILE) --group frontend-postgres --constraint requirements/dev.txt --output-file requirements/frontend-postgres.txt
	@$(COMPILE) --group lock --output-file requirements/lock.txt

clean: ## remove what was installed, built and cached here; not the services' data
	@rm -rf $(VENV) tests/node/node_modules build dist src/pricedesk/*.so htmlcov .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is touched last, so an installation that failed is tried again.
$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Pricedesk needs Python 3.11 or newer: make PYTHON=/path/to/python3")'
	@echo 'Making a virtual environment in $(VENV).'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime.stamp: $(VENV)/python.stamp requirements/runtime.txt requirements/build.txt pyproject.toml \
		scripts/build_hook.py src/pricedesk/_known_lines.c
	@echo 'Installing Pricedesk and the packages that it runs on.'
	@$(PIP_INSTALL_HASHED) -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp requirements/dev.txt
	@echo 'Installing the tools for tests and checks.'
	@$(PIP_INSTALL_HASHED) -r requirements/dev.txt
	@touch $@

$(VENV)/node.stamp: $(VENV)/python.stamp tests/node/package-lock.json
	@echo "Installing Node's gRPC client."
	@cd tests/node && npm ci --silent
	@touch $@

$(VENV)/lock.stamp: $(VENV)/python.stamp requirements/lock.txt
	@echo 'Installing uv, which writes the requirements files.'
	@$(PIP_INSTALL_HASHED) -r requirements/lock.txt
	@touch $@
