"""The table of exit codes."""

from __future__ import annotations

import click
import pytest

from genvm_replay.cli import errors
from genvm_replay.errors import (
    Divergence,
    EnvironmentProblem,
    GuestFault,
    JournalDamaged,
    JournalError,
    UnknownEvent,
    UsageError,
)

PLACE = ("main", 3, "kind", "a", "b")
ROWS = [
    (UsageError("u"), "usage", 2),
    (click.UsageError("u"), "usage", 2),
    (click.BadParameter("u"), "usage", 2),
    (EnvironmentProblem("e"), "environment", 3),
    (PermissionError(13, "Permission denied", "/x"), "environment", 3),
    (MemoryError(), "environment", 3),
    (JournalError("j"), "journal", 3),
    (UnknownEvent("read_clock/2", "0.1.0"), "journal", 3),
    (JournalDamaged(*PLACE), "difference", 1),
    (Divergence(*PLACE), "difference", 1),
    (click.Abort(), "interrupted", 130),
    (KeyboardInterrupt(), "interrupted", 130),
    (GuestFault("g"), "internal", 3),
    (ZeroDivisionError("z"), "internal", 3),
    (AssertionError(), "internal", 3),
]


@pytest.mark.parametrize(("error", "kind", "code"), ROWS, ids=lambda value: repr(value)[:40])
def test_each_error_has_its_exit_code_and_one_line(error, kind, code, capsys):
    def work():
        raise error

    assert errors.guarded(work, as_json=True) == code
    printed = capsys.readouterr()
    assert f'"kind": "{kind}"' in printed.out
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err


def test_every_code_is_documented():
    assert {rule.code for rule in errors.RULES} <= errors.EXIT_CODES.keys()


def test_an_unexpected_error_asks_for_a_report(capsys):
    errors.guarded(lambda: 1 // 0, as_json=False)
    assert capsys.readouterr().err.startswith("internal error: ZeroDivisionError: ")


def test_the_traceback_is_shown_on_request(capsys, monkeypatch):
    monkeypatch.setenv("GENVM_REPLAY_TRACEBACK", "1")
    errors.guarded(lambda: 1 // 0, as_json=False)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_control_characters_of_an_error_are_written_out(capsys):
    def work():
        raise UsageError("\x1b[2J")

    errors.guarded(work, as_json=False)
    assert "\\x1b[2J" in capsys.readouterr().err
