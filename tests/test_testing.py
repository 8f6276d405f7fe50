"""The pytest plugin: authors' tests record a cassette once and play it from then on."""

from __future__ import annotations

import os

import pytest

from genvm_replay.executor.python_runtime.cache import default_cache

pytest_plugins = ["pytester"]

CONTRACT = """# v0.1.10
# { "Depends": "py-genlayer:test" }
from genlayer import *


class Asking(gl.Contract):
    @gl.public.write
    def ask(self, what: str) -> str:
        return gl.vm.run_nondet(lambda: gl.nondet.exec_prompt(what), lambda res: True)

    @gl.public.write
    def fail(self) -> None:
        raise gl.vm.UserError("on purpose")
"""
TESTS = """
import pytest
from pathlib import Path
from genvm_replay.testing import returned

CODE = (Path(__file__).parent / "asking.py").read_bytes()

@pytest.mark.parametrize("what", ["say/hello"])
def test_asks(genvm_node, genvm_options, what):
    asking = genvm_node.deploy(CODE)
    assert returned(genvm_node.call(asking.address, "ask", [what], options=genvm_options)) == "hello"

def test_asks_nobody(genvm_node, genvm_options):
    asking = genvm_node.deploy(CODE, options=genvm_options)
    with pytest.raises(AssertionError, match="user_error: on purpose"):
        returned(genvm_node.call(asking.address, "fail", options=genvm_options))
"""
MODULES = """
llm:
  backends:
    script: {provider: scripted, answers: answers.yaml, models: {any: {supports_json: true}}}
"""


def test_record_then_play(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With modules the cassette is written beside the test; then it is played, and a changed prompt fails the test."""
    cache = os.environ.get("GENVM_REPLAY_TEST_CACHE") or str(default_cache(os.environ))
    monkeypatch.setenv("GENVM_REPLAY_CACHE", cache)
    pytester.makeconftest('pytest_plugins = ["genvm_replay.testing"]')
    pytester.makepyfile(test_author=TESTS, asking=CONTRACT)
    pytester.makefile(".yaml", modules=MODULES, answers='answers: [{prompt: "say", response: hello}]')
    options = ["-p", "no:cacheprovider", "-p", "no:xdist"]

    pytester.runpytest_subprocess(*options, "--genvm-modules", "modules.yaml").assert_outcomes(passed=2)
    [tape] = (pytester.path / "cassettes").rglob("*.yaml")
    assert tape.relative_to(pytester.path).as_posix() == "cassettes/test_author/test_asks-say-hello-.yaml"
    pytester.makepyfile(test_other=TESTS.replace("say/hello", "say/goodbye"))
    (pytester.mkdir("cassettes/test_other") / "test_asks-say-goodbye-.yaml").write_bytes(tape.read_bytes())
    played = pytester.runpytest_subprocess(*options, "--genvm-cassette-mode", "none")
    played.assert_outcomes(passed=3, failed=1)
    played.stdout.fnmatch_lines(['*recorded "say/hello", asked "say/goodbye"*'])
