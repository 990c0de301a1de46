# make demo: set up and segment a synthetic patient.  make test: set up and pass the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
REQUIREMENTS := constraints.txt requirements-dev.txt TumorSegU-Net/pyproject.toml TumorSegTraining/pyproject.toml

.PHONY: demo test lint clean

demo: $(INSTALLED)
	$(BIN)/python Testing/demo/run_demo.py

test: lint
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The stamp is written last, so an interrupted set-up is taken up again.
$(INSTALLED): $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.10 to 3.13 is needed; name it with: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--requirement requirements-dev.txt --editable TumorSegU-Net --editable TumorSegTraining
	touch $@

clean:
	rm -rf $(VENV) demo
