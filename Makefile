# make run: everything set up, the daemon on 127.0.0.1:8000, and a curl to try it.
# make test: everything set up, all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= .data
BIND ?= 127.0.0.1:8000
# Processes that share the tests; many tests wait more than they compute.
JOBS ?= 3

SOURCES := pyproject.toml setup.py js_harness/package-lock.json $(wildcard js_harness/native/*.[ch])

.PHONY: run test stress faults mutate sanitize bench docs check lint types imports harness clean

$(VENV)/.run: $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sandboxd needs Python 3.11 or later; say make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,nodejs-bin]'
	@touch $@

run: $(VENV)/.run
	@exec tools/run "$(BIN)/sandboxd" "$(BIND)" "$(DATA)"

test: $(VENV)/.dev harness
	$(BIN)/python -m pytest -n $(JOBS)

harness: $(VENV)/.dev
	@tools/harness-tests "$(BIN)/python"

# Thousands of heavy executions through every kind of worker: some minutes.
stress: $(VENV)/.dev
	$(BIN)/python -m tests.equivalence.stress

# What breaks around a daemon, each with the promise it tests: minutes. FAULTS='--only "full disk"' for some.
faults: $(VENV)/.dev
	$(BIN)/python -m tests.faults $(FAULTS)

# Takes one line of a policy or one step of the launcher away at a time, and asks who notices. MUTATE='--only landlock' for some.
mutate: $(VENV)/.dev
	$(BIN)/python -m tests.mutate $(MUTATE)

# The native module under the compiler's sanitizers inside Node, and under valgrind where there is one.
sanitize: $(VENV)/.dev
	SANDBOXD_VALGRIND=1 $(BIN)/python -m pytest -rs tests/native

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(BENCH)

# The pages of docs/ that are made from the code and the policy files.
docs: $(VENV)/.dev
	$(BIN)/python -m tools.reference

check: lint types imports

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find sandboxd -name '*.py' | xargs $(BIN)/flake8-async --enable=ASYNC1,ASYNC2 --disable=ASYNC124,ASYNC128 --startable-in-context-manager=serve,_serve,_listen

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

clean:
	rm -rf $(VENV) build dist *.egg-info js_harness/node_modules js_harness/*.node
