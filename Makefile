# Everything happens in .venv; it is renewed when pyproject.toml changes.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test pictures bench

demo: .venv/app
	@$(BIN)/smtpscope demo

test: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto

pictures: .venv/dev
	$(BIN)/python -m tests.make_pictures

bench: .venv/dev
	status=0; for name in noop start version log; do $(BIN)/python benchmarks/$$name.py || status=1; done; exit $$status

.venv/app: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'smtpscope needs Python 3.11 or newer: name one with make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'smtpscope needs the venv module of Python: on Debian and Ubuntu it is in python3-venv.' >&2; exit 1; }
	@echo 'Building .venv, once ...'
	@$(PYTHON) -m venv .venv
	@$(PIP) --editable .
	@touch $@

.venv/dev: .venv/app
	@echo 'Adding to .venv what the tests need ...'
	@$(PIP) --editable '.[dev]'
	@touch $@
