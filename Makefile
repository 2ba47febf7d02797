# Every target builds the environment it needs: `make test` works in a bare clone.

PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := 2.13.0
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
CONSTRAINED := --constraint constraints.txt --build-constraint constraints.txt

# `make figures QUICK=1`, `make figures RETRAIN=1`, `make experiments QUICK=1`
FLAGS := $(if $(QUICK),--quick) $(if $(RETRAIN),--retrain)

.DEFAULT_GOAL := help
.PHONY: help test figures experiments check format notebooks site bench certify search mutants constraints clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z.]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.torch: Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet 'pip==26.3'
	$(PIP) install --quiet 'torch==$(TORCH)+cpu' --constraint constraints.txt 2>/dev/null \
	  || $(PIP) install --quiet 'torch==$(TORCH)' --index-url $(TORCH_CPU_INDEX)
	touch $@

$(VENV)/.stamp: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) install --quiet --editable '.[torch]' --group experiments --group test --group check $(CONSTRAINED)
	touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp
	$(PIP) install --quiet --group dev $(CONSTRAINED)
	touch $@

.venv: $(VENV)/.stamp-dev  ## build the whole environment

test: $(VENV)/.stamp  ## run the tests and print the claim table
	$(BIN)/python -m pytest $(ARGS)

figures: $(VENV)/.stamp  ## draw the figures from results/ (QUICK=1: train briefly; RETRAIN=1: train again)
	$(BIN)/python -m figures $(FLAGS) $(ARGS)

experiments: $(VENV)/.stamp  ## list the experiments; ARGS=collapse runs one, QUICK=1 briefly
	$(BIN)/python -m experiments $(if $(ARGS),$(ARGS) $(if $(QUICK),--quick))

check: $(VENV)/.stamp  ## format, lint, types and imports, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.stamp  ## format, and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

notebooks: $(VENV)/.stamp-dev  ## execute the notebooks of notebooks/*.md into the .ipynb beside them
	$(BIN)/python -m notebooks $(ARGS)

site: $(VENV)/.stamp-dev  ## build the site into docs/_build/html
	rm -rf docs/_build
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

$(BENCH)/.stamp: pyproject.toml constraints.txt Makefile
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet 'pip==26.3'
	$(BENCH)/bin/python -m pip install --quiet 'torch==$(TORCH)+cpu' --constraint constraints.txt 2>/dev/null \
	  || $(BENCH)/bin/python -m pip install --quiet 'torch==$(TORCH)' --index-url $(TORCH_CPU_INDEX)
	$(BENCH)/bin/python -m pip install --quiet --editable '.[torch]' --group experiments --group bench $(CONSTRAINED)
	$(BENCH)/bin/python -m pip install --quiet --no-deps 'lightly==1.6.0'
	touch $@

bench: $(BENCH)/.stamp  ## speed beside the peers, into benchmarks/RESULTS.md (ARGS="--only loss", --quick)
	$(BENCH)/bin/python -m benchmarks $(ARGS)

certify: $(VENV)/.stamp  ## prove six claims instance by instance in ball arithmetic, into tests/certified.md
	$(BIN)/python -m tests.certify

search: $(VENV)/.stamp  ## look for counterexamples to every inequality, into tests/tightest.md (ARGS=J6: those of J6)
	$(BIN)/python -m tests.search $(ARGS)

mutants: $(VENV)/.stamp  ## change theory/ a little, place by place: a test must fail (ARGS="theory/bounds.py")
	$(BIN)/python -m tests.mutants $(ARGS)

constraints: $(VENV)/.stamp-dev  ## pin what is installed now, with hashes and licences
	{ sed -n '/^#/p' constraints.txt; \
	  $(PIP) freeze --all --exclude-editable | sed 's/^torch==.*/torch==$(TORCH)/'; \
	} > constraints.partial
	mv constraints.partial constraints.txt
	$(BIN)/python -m tests.project.licences
	$(BIN)/python -m tests.project.hashes

clean:  ## remove the environment, caches and everything built
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache .jupyter_cache .mutants docs/_build docs/_assembled dist claims.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
