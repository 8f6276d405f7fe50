"""Callers set the variables that the allow-list names, and no others."""

from __future__ import annotations

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.manager.environment import ALLOWED, Environment
from genvm_replay.manager.refusals import Forbidden


@pytest.mark.parametrize("name", ["OPENAIKEY", "DEBUG_MODE", "MY_KEY", "MINE_A"])
def test_an_allowed_variable_is_set(name):
    variables: dict[str, str] = {}
    Environment(variables, (*ALLOWED, "MINE_*")).set(name, "v")
    assert variables == {name: "v"}


@pytest.mark.parametrize(
    "name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "HOME", "debug_mode", "GENVM_REPLAY_DB"]
)
def test_others_are_refused(name):
    variables: dict[str, str] = {}
    with pytest.raises(Forbidden):
        Environment(variables, ALLOWED).set(name, "v")
    assert variables == {}


@pytest.mark.parametrize("name", ["LD_KEY", "PYTHON_KEY", "GENVM_REPLAY_KEY", "PATH"])
def test_what_steers_a_loader_is_refused_whatever_is_allowed(name):
    """A mistaken `--allow-env '*'` still gives nobody a way to run code."""
    with pytest.raises(Forbidden):
        Environment({}, ("*",)).set(name, "v")


@pytest.mark.parametrize("name", ["", "A=B", "A B", "1A", "Ä_KEY", "A" * 200])
def test_a_name_that_is_none_is_told(name):
    with pytest.raises(UsageError, match="key"):
        Environment({}, ("*",)).set(name, "v")


def test_a_value_that_no_variable_can_have_is_told(monkeypatch):
    import os

    monkeypatch.delenv("SOME_KEY", raising=False)
    for value in ("a\0b", "\ud800"):
        with pytest.raises(UsageError, match="value"):
            Environment(os.environ, ALLOWED).set("SOME_KEY", value)
    assert "SOME_KEY" not in os.environ


def test_a_request_sees_what_callers_may_set_and_nothing_else():
    """Else `${ENV[...]}` in a request would send any secret of the service to a host of the caller's choice."""
    variables = {"OPENAIKEY": "k", "AWS_SECRET": "s", "GENVM_REPLAY_DB": "d", "PATH": "p"}
    assert Environment(variables, ALLOWED).shared() == {"OPENAIKEY": "k"}
