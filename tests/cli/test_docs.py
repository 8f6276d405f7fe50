"""The documents say what the program does: generated help is current, commands and links are real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from genvm_replay.cli.errors import EXIT_CODES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/genvm-replay demo"
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/python -m pytest -n 2"
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
VARIABLES = ["GENVM_REPLAY_DB", "GENVM_REPLAY_CACHE", "GENVM_REPLAY_TRACEBACK", "GENVM_REPLAY_TEST_CACHE"]
VARIABLES += ["GENVM_REPLAY_LLM", "GENVM_REPLAY_WEB"]


def test_the_command_reference_is_current():
    subprocess.run([sys.executable, ROOT / "tools" / "generate_cli_docs.py", "--check"], check=True)


def test_the_readme_begins_with_the_two_commands():
    assert DEMO in README
    assert TESTS in README


def test_ci_runs_the_readmes_test_command():
    assert TESTS in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_readme_has_every_exit_code_and_variable():
    for code in EXIT_CODES:
        assert f"| {code} |" in README
    for variable in VARIABLES:
        assert f"`{variable}`" in README


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_readmes_tour_is_real(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    check = [sys.executable, ROOT / "tools" / "update_readme.py", "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
