# みんなの窓口 — `make help` lists what there is.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.ready
# Some machines forbid Python to keep what it compiled; every process of ours would then compile all packages anew.
export PYTHONDONTWRITEBYTECODE :=
PACKAGES := portal forms reservations payments migrations

.DEFAULT_GOAL := help
.PHONY: help setup system system-tests run test check format bench soak lock clean translations papers pictures secrets

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP) ## Virtual environment, locked dependencies, design tokens, compiled catalogues

$(SETUP): requirements-dev.lock package-lock.json pyproject.toml
	@sh .ci/setup "$(PYTHON)" "$(VENV)"
	@touch $@

system: ## System packages to run (Pango, fonts); prints the command where it may not install
	@sh .ci/system-packages run

system-tests: ## System packages to test (also Chromium)
	@sh .ci/system-packages test

run: system $(SETUP) ## Start everything: database, Koga's data, demo people, web, worker, mail catcher
	@exec $(BIN)/portal run

test: system-tests $(SETUP) ## All tests, browser tests included
	@exec $(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(SETUP) ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SETUP) ## Rewrite the files the way `make check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(SETUP) ## Measure; prints JSON lines
	@exec $(BIN)/python -m tests.bench

soak: $(SETUP) ## The stated counts of long random runs; prints them
	@exec $(BIN)/python -m tests.soak

translations: $(SETUP) ## Collect new texts into the catalogues and compile them
	$(BIN)/python -m portal.kernel.i18n update

papers: $(SETUP) ## Write docs/settings.md, commands.md, jobs.md, errors.md from the code
	@$(BIN)/python -m tests.architecture.papers

pictures: $(SETUP) ## Take the pictures of README from the running pages (needs Chromium)
	@$(BIN)/python -m tests.browser.pictures

secrets: ## Make the secret files of docker-compose.yml that are not there yet
	@sh .ci/secrets

lock: ## Write the lock files anew (versions and hashes, no addresses)
	@sh .ci/lock "$(VENV)"

clean: ## Remove what setup made (keeps instance/, the data)
	rm -rf $(VENV) node_modules portal/static/vendor
