# `make check` is what CI runs (.ci/run, which sets up .venv first).
PYTHON := $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)

.PHONY: check static test demo docs bench bench-journal

check: static test

static:
	tools/check.sh

test:
	$(PYTHON) -m pytest -n 2

demo:
	$(PYTHON) -m genvm_replay demo

docs: # generated help, and the output in the README
	$(PYTHON) tools/generate_cli_docs.py
	$(PYTHON) tools/update_readme.py

bench:
	set -e; for tool in tools/bench_*.py; do echo "== $$tool"; $(PYTHON) $$tool; done

bench-journal:
	$(PYTHON) tools/bench_journal.py
