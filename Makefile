# `make demo` and `make test` are all a newcomer needs; both set up what they use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JS := flowscope_sdk/javascript
export QT_LOGGING_RULES ?= qt.qpa.*=false

.PHONY: demo test lint unit js bench matrix suites setup clean

demo: $(READY)
	@$(BIN)/python -m flowscope_app.shell.demo

test: lint unit js

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: $(READY)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto --maxprocesses 6 --dist loadfile -q

js: $(READY) $(JS)/node_modules/.ready
	cd $(JS) && FLOWSCOPE="$(abspath $(BIN))/flowscope" npm test --silent

bench: $(READY) $(JS)/node_modules/.ready
	QT_QPA_PLATFORM=offscreen $(BIN)/flowscope bench
	cd $(JS) && npm run --silent bench

# Every version of rows.toml, one environment each under $XDG_CACHE_HOME/flowscope; long the first time.
matrix: $(READY) $(JS)/node_modules/.ready
	$(BIN)/python tests/matrix/run.py --write docs/matrix.md
	cd $(JS) && npm run --silent matrix

# The frameworks' own tests, with and without FlowScope attached.
suites: $(READY)
	$(BIN)/python tests/matrix/suites.py

setup: $(READY)

$(READY): pyproject.toml flowscope_sdk/python/pyproject.toml packaging/constraints.txt packaging/setup.sh
	PYTHON="$(PYTHON)" sh packaging/setup.sh $(VENV)
	@touch $@

$(JS)/node_modules/.ready: $(JS)/package.json $(wildcard $(JS)/packages/*/package.json)
	cd $(JS) && npm install --fetch-retries=5 --no-audit --no-fund --no-package-lock --loglevel=error
	@touch $@

clean:
	rm -rf $(VENV) $(JS)/node_modules build dist
