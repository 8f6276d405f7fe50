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


def test_vms_and_memory(run, run_json, pair):
    """Both runs are run again: each VM with its cost, the first that differs, and the bytes of memory that do."""
    told = run_json("diff", *pair).object
    vms = told["vms"]
    assert (vms["unknown"], vms["first_that_differs"]) == (None, "main")
    [one], [other] = vms["first"], vms["second"]
    assert (one["vm"], one["kind"], one["call_no"]) == ("main", "main", None)
    assert one["what"].startswith("main add of 0x")
    assert one["fuel"] > 0
    assert one["memory_hash"] != other["memory_hash"]
    levels = {place["level"] for place in told["differences"]}
    assert {"vms", "fingerprints"} <= levels
    ranges = [place for place in told["differences"] if place["place"].startswith("main: page ")]
    assert ranges
    assert all(place["first"] != place["second"] for place in ranges)
    shown = run("diff", *pair).out
    assert "<- differs first" in shown
    assert "main: page " in shown


def test_records_alone(run_json, pair):
    """Nothing is run, so nothing is told of VMs and of memory but its hash."""
    told = run_json("diff", *pair, "--records-only")
    assert (told.code, told.object["vms"]) == (1, None)
    assert not [
        one for one in told.object["differences"] if one["level"] == "vms" or ": page " in one["place"]
    ]
    assert "memory_hash" in {one["place"] for one in told.object["differences"]}


def test_a_page(run, run_json, trouble, tmp_path):
    """One HTML file with all levels, in which no value is markup; the traceback is a diff of both sides."""
    txs = [run_json("call", trouble, *words).object["tx"] for words in (("crash",), ("keep", '"<script>"'))]
    page = tmp_path / "page.html"
    told = run("diff", *txs, "--html", page)
    assert (told.code, told.out) == (1, "")
    html = page.read_text()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    for text in (
        "Comparison of",
        "VMs, one by one",
        "RuntimeError: crashed on purpose",
        "all VMs",
        "differs first",
    ):
        assert text in html
    assert run("diff", txs[0], txs[0], "--html", page).code == 0
    assert "the same" in page.read_text()
    assert "can't write" in run("diff", *txs, "--html", tmp_path / "no" / "page.html").err


def test_a_run_that_was_stopped_is_compared_by_its_record(run, run_json, trouble):
    """Why its VMs are not known is told."""
    tx = run_json("call", trouble, "spin", "--deadline", "0.3").object["tx"]
    other = run_json("call", trouble, "get").object["tx"]
    told = run_json("diff", tx, other)
    assert told.code == 1
    assert "was stopped from outside" in told.object["vms"]["unknown"]
    assert "not known: run" in run("diff", tx, other).out
