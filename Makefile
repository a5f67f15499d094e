# Everything a reader or a maintainer types. `make` alone lists the targets.
PYTHON ?= python3
# On Linux: auto is PyTorch's CPU build unless there is an NVIDIA card; cpu, gpu or a mirror's address.
TORCH ?= auto
BIN := .venv/bin
LAB_FLAGS ?=
CELL_SECONDS ?= 300
NOTEBOOK_FLAGS ?= --cov=helpers --cov-report=
# Threads that wait for each other by spinning slow down whatever shares the cores: a browser, a second notebook.
export OMP_WAIT_POLICY ?= passive
NOTEBOOKS := $(wildcard notebooks/*.ipynb notebooks/solutions/*.ipynb)

.DEFAULT_GOAL := help
.PHONY: help lab renew doctor box test test-notebooks test-unit coverage lint notebooks site slides bench results lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /: /' | column -t -s:

lab: .venv/ready  ## open your copies of the lessons in JupyterLab
	@$(BIN)/python -m helpers.assets
	@$(BIN)/python -m helpers.workspace
	cd my_notebooks && ../$(BIN)/jupyter lab $(LAB_FLAGS) 01_tokenization.ipynb

renew: .venv/ready  ## set your copies aside, and make fresh ones
	@$(BIN)/python -m helpers.workspace --renew

doctor:  ## say what is wrong with the installation, and what mends it
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) -m helpers.doctor

box: .venv/ready  ## fill build/box, which installs without a network (BOX_FLAGS="--platform mac")
	@$(BIN)/python -m helpers.box build/box $(BOX_FLAGS)

test: test-unit test-notebooks coverage  ## prove that everything still holds

test-unit: .venv/ready
	@$(BIN)/python -m helpers.assets
	COVERAGE_FILE=.coverage.unit OMP_NUM_THREADS=1 \
	    $(BIN)/python -m pytest -n 2 --cov=helpers --cov-report= tests

test-notebooks: .venv/ready
	@$(BIN)/python -m helpers.assets
	COVERAGE_FILE=.coverage.notebooks TQDM_DISABLE=1 $(BIN)/python -m pytest -p tests.nbval_plugin \
	    --nbval --nbval-current-env --nbval-cell-timeout=$(CELL_SECONDS) \
	    -W "ignore:No data was collected" $(NOTEBOOK_FLAGS) notebooks

coverage: .venv/ready  # of what the two before it ran
	$(BIN)/python -m tests.coverage

lint: .venv/ready  ## check style and format, notebooks included
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

notebooks: .venv/ready  ## re-execute every notebook and save its outputs
	$(BIN)/python tests/execute.py $(NOTEBOOKS)

site: .venv/site  ## make pages of the stored lessons, in build/site
	$(BIN)/python -m tests.publish site

slides: .venv/site  ## make a deck of each stored lesson, in build/slides
	$(BIN)/python -m tests.publish slides

bench: .venv/ready  ## measure pooling, encoding, search and training beside other libraries (20 minutes)
	$(BIN)/python -m tests.bench

results: .venv/ready  ## train what lesson 06 reports over several seeds (two and a half hours)
	$(BIN)/python -m tests.results

lock: pyproject.toml  ## renew constraints.txt from what pip resolves today
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --editable ".[site]" "soupsieve<3"  # later ones refuse Python 3.11.0 to 3.11.4
	(echo "# Written by 'make lock': the versions that produced the stored outputs."; \
	 .venv-lock/bin/pip freeze --all --exclude-editable | sed -E 's/\+cpu$$//; /^(pip|setuptools)==/d') > constraints.txt
	rm -rf .venv-lock

clean:  ## remove the virtual environment and every cache but the model's
	rm -rf .venv .pytest_cache .ruff_cache .coverage* build *.egg-info
	find . -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf

.venv/ready: pyproject.toml constraints.txt  # says first how much it downloads
	@$(PYTHON) -m helpers.install --torch $(TORCH)

.venv/site: .venv/ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[site]"
	@touch $@
