"""`diff` compares two runs of one journal, of two, and of archives; its exit code says whether they differ."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def pair(run_json, trouble) -> tuple[str, str]:
    """Two calls that leave different numbers."""
    words = ("call", trouble, "add")
    when = ("--datetime", "2026-01-02T03:04:05Z")
    return tuple(run_json(*words, amount, *when).object["tx"] for amount in (3, 4))


def test_a_run_and_itself(run, pair):
    told = run("diff", pair[0], pair[0])
    assert (told.code, told.out) == (0, "the same\n")


def test_two_calls(run, run_json, pair):
    told = run_json("diff", *pair)
    assert (told.code, told.object["same"]) == (1, False)
    places = {one["place"]: (one["first"], one["second"]) for one in told.object["differences"]}
    assert places["count"] == (11, 15)
    assert places["value"] == (11, 15)
    assert places["call.args[0]"] == (3, 4)
    assert "tx" in [one["place"] for one in told.object["bookkeeping"]]
    shown = run("diff", *pair, "--all")
    assert shown.code == 1
    assert "storage\n  count\n    first   11\n    second  15\n" in shown.out


def test_of_two_journals_and_of_archives(run, pair, recorded, tmp_path):
    copy = shutil.copy(recorded, tmp_path / "other.db")
    assert run("diff", pair[0], pair[0], "--db-b", copy).code == 0
    archive = tmp_path / "runs.archive"
    assert run("export", pair[0], "--to", archive).code == 0
    assert run("diff", archive, pair[0]).code == 0
    assert run("diff", archive, pair[1]).code == 1


def test_a_run_that_is_not_there(run, pair):
    told = run("diff", *pair, "--run-b", 99)
    assert told.code == 2
    assert "has no run 99" in told.err
    assert run("diff", pair[0], "feedfeed").code == 2
