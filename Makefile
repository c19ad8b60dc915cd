# The two commands: each does all the set-up on a fresh machine (Python 3.11+) and then runs.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
OUT ?= reports/demo
# Errors alone: what pip warns of, as an index that is not reached or a newer pip, is not ours to mend.
QUIET := --quiet --quiet --disable-pip-version-check

.PHONY: demo test lint setup constraints axe clean

demo: setup ## score the bundled faces, audit the recorded scores, write the reports
	$(BIN)/faceaudit demo -o $(OUT)

test: setup ## the whole test suite, two files at a time
	$(BIN)/pytest --numprocesses 2 --dist loadfile

lint: setup ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(VENV)/.installed

# In the versions that the tests passed with. torch and torchvision go first and together: as
# dependencies of other packages they may be taken in versions that do not fit each other.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "faceaudit needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install $(QUIET) --constraint constraints.txt torch torchvision
	$(BIN)/pip install $(QUIET) --constraint constraints.txt --editable '.[model,onnx,hf,landmarks,web,dev]'
	touch $@

constraints: ## write constraints.txt anew from this environment, once its tests pass
	{ head -n 1 constraints.txt; $(BIN)/pip freeze --exclude-editable | grep ==; } > constraints.new
	mv constraints.new constraints.txt

axe: build/axe-core/axe.min.js ## the accessibility rules for the browser tests (needs npm)

build/axe-core/axe.min.js:
	mkdir -p build/axe-core
	cd build/axe-core && npm pack --silent axe-core@4 >/dev/null && tar -xzf axe-core-*.tgz \
		--strip-components=1 package/axe.min.js package/LICENSE && rm axe-core-*.tgz

clean: ## forget the environment and the reports
	rm -rf $(VENV) reports/demo
