# make demo: set up and segment a synthetic patient.  make test: set up and pass the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
REQUIREMENTS := constraints.txt requirements-dev.txt TumorSegU-Net/pyproject.toml TumorSegTraining/pyproject.toml

# Whether the set-up runs and uses the code of this folder.
WORKS_HERE := import os, sys, tumorseg_training as used; \
	sys.exit(not os.path.samefile(used.__path__[0], "TumorSegTraining/tumorseg_training"))

.PHONY: demo test lint setup clean

demo: setup
	$(BIN)/python Testing/demo/run_demo.py

test: lint
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup:
	@test ! -e $(INSTALLED) || $(BIN)/python -I -c '$(WORKS_HERE)' 2>/dev/null || { rm $(INSTALLED); \
		echo "The set-up in $(VENV) does not work here: the folder was moved, or Python exchanged. It is made anew."; }
	@$(MAKE) --silent $(INSTALLED)

# The stamp is written last, so an interrupted set-up is made again. Without --clear a link to a Python that is gone stays.
$(INSTALLED): $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.10 to 3.13 is needed; name it with: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV): about 3 GB with the CPU build of PyTorch, more with others. pip downloads what it needs;" \
		"that takes minutes, in which nothing is printed."
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--requirement requirements-dev.txt --editable TumorSegU-Net --editable TumorSegTraining
	touch $@

clean:
	rm -rf $(VENV) demo
