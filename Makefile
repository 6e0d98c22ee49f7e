# make reports: environment, sample data, every report.   make test: what the tests need, and the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
LAKE ?= .crmlib
export CRMLIB_LAKE := $(abspath $(LAKE))

.PHONY: help install reports test long quick compat spark docs times lint serve lab audit lock sample browser release clean
help:
	@sed -n 's/^# make /make /p' Makefile
	@echo "also: make quick (while writing) | long | times | serve | lab | lint | audit | lock | sample | release | clean"

install: $(INSTALLED)
$(INSTALLED): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $(INSTALLED)

reports: install
	$(BIN)/crmlib ingest all --sources data_samples/sources.yml
	$(BIN)/crmlib run params

# Chromium and a Chinese face come from the system's packages, where we may install them.
browser:
	sh tests/browser/install.sh

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install browser lint
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=2 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not long"

# The rest: every page in both languages, servers, apps, all readers of regions, a year of mornings; CI runs both.
long: install browser
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=2 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m long

# What one runs while writing: lint, types, layers, and the tests that need no browser, server or model fit.
QUICK := tests/core tests/kit tests/panels tests/pages tests/scoring tests/test_structure.py tests/test_architecture.py
quick: install lint
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=2 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not browser and not real_data" $(QUICK)

# The oldest Polars we declare and the newest Python there is: the quick tests on both.
compat: install
	bash tests/compat.sh

# Reductions made by a real Spark on loopback, where Java is.
spark: install
	bash tests/spark.sh

# The documentation site in Chinese and English, with pictures of the pages that were made; no network when read.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python docs/site/build.py --reports reports

# Seconds of the tests by part, the longest first.
times: install
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --junitxml=.pytest_cache/times.xml -o junit_duration_report=total || true
	$(BIN)/python tests/times.py .pytest_cache/times.xml

# Wheel and sdist; the wheel is installed into an empty environment and must find itself fit.
release: install
	rm -rf dist build/release
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	build/release/bin/python -m pip install --quiet --disable-pip-version-check --no-deps dist/*.whl
	cd build && env -u CRMLIB_LAKE release/bin/crmlib doctor
	rm -rf build/demo && cd build && env -u CRMLIB_LAKE release/bin/crmlib demo demo --no-pages
	cd build/demo && env -u CRMLIB_LAKE ../release/bin/crmlib run params/sales_pulse params/customer_value

serve: install
	$(BIN)/crmlib serve

lab: install
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=$(CURDIR) --LabApp.default_url=/lab/tree/notebooks

# The environment against its lock, file by file; ADVISORIES=all.zip of OSV for PyPI, fetched where one may.
audit: install
	$(BIN)/python benchmarks/audit.py --files $(if $(ADVISORIES),--advisories $(ADVISORIES))

# Pinned versions with hashes for every platform; names no registry.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra test --extra postgres --extra posterior --extra docs pyproject.toml -o requirements.lock

sample: install
	$(BIN)/crmlib simulate --customers 5000 --stores 26 --days 730 --seed 7 --end 2026-10-31 --out data_samples

clean:
	rm -rf $(VENV) .crmlib .mypy_cache .ruff_cache .pytest_cache .hypothesis
