# The project's commands. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# How many processes run tests: one more than there are processors, for tests often wait; at most 4.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(min(4, (os.cpu_count() or 1) + 1))")
TEST = $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal --durations 20

# What the shell says about Python would otherwise reach the tests and everything they start.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
unexport PYTHONUNBUFFERED
unexport PYTHONWARNINGS

# One thing after the other, so that the outputs stay apart and the tests' last line comes last.
.NOTPARALLEL:

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1\t\2/p' Makefile | sort | awk -F '\t' '{ printf "%-10s %s\n", $$1, $$2 }'

.PHONY: setup
setup: $(READY) ## make .venv with the package, its extras, the examples and the tools
	@:

# An environment that was copied here from elsewhere, or lost its Python, is made anew.
ifneq ($(shell test -x $(BIN)/python && head -n 1 $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

$(READY): pyproject.toml examples/pyproject.toml requirements/dev.txt requirements/uv.txt scripts/setup.py
	@$(PYTHON) scripts/setup.py

.PHONY: demo
demo: setup ## show what the framework does, in one minute
	@$(BIN)/python scripts/demo.py

.PHONY: web
web: setup ## serve what `make demo` deploys as pages, until Ctrl-C
	@$(BIN)/python scripts/web.py

.PHONY: test
test: setup needs ## run all tests; tell which were the slowest
	$(TEST)

.PHONY: coverage
coverage: setup needs ## run all tests and measure their coverage by branch; takes twice as long
	@rm -f .coverage .coverage.*
	$(TEST) --cov --cov-report term

.PHONY: matrix
matrix: setup ## run the unit tests with each Python that is here; ARGS="-- PATH" for others
	$(BIN)/nox $(ARGS)

.PHONY: needs
needs: ## install what the tests need besides Python packages, such as a browser
	@$(PYTHON) scripts/needs.py

.PHONY: soak
soak: setup needs ## run the long tests, the same a thousand times; takes hours
	$(TEST) -m "soak or property" --timeout 0 --hypothesis-profile soak

.PHONY: mutants
mutants: setup ## break a sample of guards in a copy of the sources; tests must notice each
	@$(BIN)/python scripts/mutants.py

.PHONY: bench
bench: setup ## run the benchmarks
	$(BIN)/pytest benchmarks -o python_files="bench_*.py" -o python_functions="bench_*" --timeout 0 --capture no --quiet

# The tests come last: what they print last is what a reader looks for.
.PHONY: check check-all-but-tests
check: check-all-but-tests test ## everything that must hold: lint, types, docs, tests
check-all-but-tests: lint types docs

.PHONY: lint
lint: check-format check-ruff check-mypy check-imports check-unused ## format, rules, types by mypy, imports, unused names

.PHONY: types
types: check-mypy check-pyright check-public-types ## types by mypy and pyright; public API complete

.PHONY: check-format check-ruff check-mypy check-imports check-unused check-pyright check-public-types
check-format: setup
	$(BIN)/ruff format --check .

check-ruff: setup
	$(BIN)/ruff check .

check-mypy: setup
	$(BIN)/mypy

check-imports: setup
	$(BIN)/lint-imports --no-logo

check-unused: setup
	@$(BIN)/python scripts/unused.py

check-pyright: setup
	$(BIN)/basedpyright

# Asks the `python` that comes first on PATH where the package is.
check-public-types: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/basedpyright --verifytypes peaceful --ignoreexternal

.PHONY: docs
docs: setup ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.PHONY: format
format: setup ## format the code and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# `make lock UPGRADE=--upgrade` takes the newest versions; `UPGRADE="--upgrade-package NAME"`, one.
# Extras are kept: to older pips (23.0), a pinned package is not yet pinned with its extra.
COMPILE = $(BIN)/uv --quiet pip compile --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-strip-extras --custom-compile-command "make lock" $(UPGRADE)

.PHONY: lock
lock: | $(BIN)/uv ## compile requirements/*.in to hashed requirements/*.txt
	$(COMPILE) --all-extras pyproject.toml requirements/dev.in --output-file requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt requirements/uv.in --output-file requirements/uv.txt

$(BIN)/uv:
	@$(PYTHON) scripts/setup.py

# The wheel alone must do what it says: without the checkout, and with what it asks for itself.
.PHONY: dist
dist: setup ## build sdist and wheel in dist/, and try the wheel by itself
	rm -rf dist build
	$(BIN)/hatchling build
	$(BIN)/uv --quiet venv --no-python-downloads --python $(BIN)/python build/try
	$(BIN)/uv --quiet pip install --python build/try --constraint requirements/dev.txt \
		"peaceful[all] @ $$(echo dist/*.whl)"
	cd build && try/bin/python -I -c "from peaceful import App; App('tried').main()" --version

.PHONY: clean
clean: ## remove what the tools left behind, except .venv
	rm -rf .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .nox .pytest_cache .ruff_cache
	rm -rf build dist examples/dist site
	find src examples scripts tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
