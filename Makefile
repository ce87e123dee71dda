# Everything happens in .venv; a stamp file there says what it holds, so that a second call does no more than it must.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := compare,frames,parquet,plot,rich,tensorboard,zst
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check long lint format types docs notebooks api bench dist notes constraints clean

help:  ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run  ## Make the environment, and train the book's network on the digits that ship with modnet
	$(BIN)/modnet train --out runs/demo --overwrite
	@echo "Look at runs/demo/curves.png. To go on, activate the environment: . $(BIN)/activate; then: modnet show runs/demo"

test: $(VENV)/.test  ## Make the environment, and run the tests, the docs' code among them
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/.check  ## Run what takes minutes: kills, fuzzers, sweeps, calibration, wheels
	$(BIN)/python -m pytest -n 2 --dist worksteal -m check tests docs

long: $(VENV)/.test  ## Try many more random examples than the tests do, for whoever changes a part
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile long tests

lint: $(VENV)/.test  ## Look for mistakes in style, and for imports that the rooms do not allow
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

format: $(VENV)/.test  ## Mend what can be mended in style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/.test  ## Check the types
	$(BIN)/mypy

docs: $(VENV)/.docs  ## Build the documentation in docs/_build
	$(BIN)/sphinx-build -W -q docs docs/_build

notebooks: $(VENV)/.check  ## Write the notebooks of the tutorials anew, and run them into docs/_build/notebooks
	$(BIN)/python tools/make_notebooks.py
	$(BIN)/python tools/make_notebooks.py --execute docs/_build/notebooks

api: $(VENV)/.test  ## Promise the public API as it is: write tests/compat/public_api.pyi, and print what breaks
	$(BIN)/python tools/public_api.py

bench: $(VENV)/.bench  ## Time modnet against others and print the ratios
	$(BIN)/python tests/benchmarks/training.py
	$(BIN)/python tests/benchmarks/central_difference.py
	$(BIN)/python tests/benchmarks/convolution.py
	$(BIN)/python tests/benchmarks/book_run.py
	$(BIN)/python tests/benchmarks/slides.py
	$(BIN)/python tests/benchmarks/start_up.py
	$(BIN)/python tests/benchmarks/many_plugins.py
	$(BIN)/python tests/benchmarks/csv_files.py
	$(BIN)/python tests/benchmarks/pickles.py
	$(BIN)/python tests/benchmarks/workers.py
	$(BIN)/python tests/benchmarks/cluster.py
	$(BIN)/python tests/benchmarks/digests.py
	$(BIN)/python tests/benchmarks/scikit_learn.py

dist: $(VENV)/.release  ## Build the files of a release from the last commit in dist/, check them, and print their SHA-256
	rm -rf dist
	$(BIN)/python tools/release.py build

notes: $(VENV)/.test  ## Print the release notes: the newest section of the changelog
	@$(BIN)/python tools/release.py notes

constraints: $(VENV)/.test  ## Choose the versions in constraints.txt anew
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	    --upgrade --group test --group lint --group docs --group bench --group release --group torch --group notebook --group browser pyproject.toml -o constraints.txt

clean:  ## Remove the environment and what tools have left
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"modnet needs Python 3.11 or later, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.12 ...")'
	@echo "Making the environment in $(VENV) ..."
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing modnet ..."
	$(PIP) install --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Installing what the tests need ..."
	$(PIP) install --constraint constraints.txt --group dev
	touch $@

$(VENV)/.check: $(VENV)/.test
	$(PIP) install --constraint constraints.txt --group torch --group release --group notebook --group browser
	touch $@

$(VENV)/.release: $(VENV)/.test
	$(PIP) install --constraint constraints.txt --group release
	touch $@

$(VENV)/.docs: $(VENV)/.run
	$(PIP) install --constraint constraints.txt --group docs
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(PIP) install --constraint constraints.txt --group bench
	touch $@
