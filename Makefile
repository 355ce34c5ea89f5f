# `make book` and `make test` set themselves up. Another Python: make book PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
RUN := $(VENV)/bin/python
WORKERS ?= 2

.PHONY: help book test check lint clean
.DEFAULT_GOAL := help

help: ## show what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1  -  /p' $(firstword $(MAKEFILE_LIST))

book: $(INSTALLED) ## execute the notebooks and build the site (_build/html)
	@start=$$(date +%s); $(RUN) -m cnnhelpers book; code=$$?; \
	echo "book: $$(($$(date +%s) - start)) s"; exit $$code

test: lint ## check the style and run the tests
	@start=$$(date +%s); $(RUN) -m pytest -q -n $(WORKERS) --dist worksteal; code=$$?; \
	echo "tests: $$(($$(date +%s) - start)) s"; exit $$code

check: lint ## check the style, the layers and what needs no training: a minute and a half
	@start=$$(date +%s); $(RUN) -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow"; code=$$?; \
	echo "check: $$(($$(date +%s) - start)) s"; exit $$code

lint: $(INSTALLED) ## check the style of code and notebooks, and the layers of imports
	@echo "style: ruff"
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check .
	@echo "layers: import-linter"
	@$(VENV)/bin/lint-imports --no-logo --no-cache

clean: ## remove what was built (not the virtual environment)
	rm -rf _build .pytest_cache .ruff_cache

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info < (3, 14); sys.exit(not ok and \
	"Python 3.11, 3.12 or 3.13 is needed, but $(PYTHON) is " + sys.version.split()[0] + ": make book PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "$(PYTHON) cannot make a virtual environment: apt install python3-venv"; exit 1; }
	@echo "setup: installing requirements.txt into $(VENV) (some minutes the first time)"
	@start=$$(date +%s); \
	{ [ -x $(RUN) ] && $(RUN) -c 'import pip'; } 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) || exit 1; \
	$(RUN) -m pip install -q --disable-pip-version-check -r requirements.txt || exit 1; \
	touch $@; echo "setup: $$(($$(date +%s) - start)) s"
