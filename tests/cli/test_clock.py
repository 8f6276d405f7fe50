"""`at` and `bisect` on the command line: what they show, and what they refuse."""

from __future__ import annotations

import pytest

from .conftest import CONTRACTS


def test_at_shows_line_fuel_pages_and_what_is_written(run, run_json, recorded):
    tx = run_json("runs", "--limit", 3).objects[-1]["tx"]  # keep('a text')
    events = [one for one in run_json("show", tx, "--events").objects[1:] if one["kind"] == "storage_write/1"]
    seq = events[-1]["seq"]
    told = run_json("at", tx, "--event", seq)
    assert (told.code, told.err) == (0, "")
    state = told.object
    assert state["event"] == events[-1]
    assert [vm["depth"] for vm in state["vms"]] == [0]
    assert state["vms"][0]["fuel_used"] == state["fuel_used"] > 0
    assert '"/contract.py", line' in state["vms"][0]["traceback"]
    assert state["vms"][0]["pages_changed"]
    assert (state["result"], len(state["storage"]) > 0) == (None, True)
    shown = run("at", tx, "--event", seq)
    assert shown.code == 0
    assert f"before    main[{seq}] storage_write" in shown.out
    assert "pages:" in shown.out
    assert 'File "/contract.py", line' in shown.out
    method = next(one for one in state["vms"][0]["python"] if one["function"] == "keep")
    assert (method["file"], method["locals"]["text"]) == ("/contract.py", "'a text'")
    assert "in keep, /contract.py:" in shown.out
    assert "  text = 'a text'\n" in shown.out
    fields = {one["field"]: (one["value"], one["written"]) for one in state["fields"]}
    assert fields["len(kept)"] == (1, True)
    assert "written   len(kept) = 1" in shown.out
    assert run_json("at", tx, "--event", seq + 1, "--step", -1).object == state
    assert run_json("at", tx, "--event", seq - 1, "--step", "+1").object == state
    assert run_json("at", tx, "--fuel", state["fuel_used"] - 1000).object["fuel_used"] < state["fuel_used"]


def test_at_the_end_and_before_the_start(run, run_json, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    assert "the run has ended: vm_error" in run("at", tx, "--fuel", 10**15).out
    assert "no VM is running here" in run("at", tx, "--event", 0).out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "give a point"),
        (["--event", 1, "--fuel", 1], "give a point"),
        (["--fuel", 1, "--step", 1], "it goes with --event"),
        (["--event", 10**9], "has events 0 to"),
        (["--event", 0, "--step", -1], "not -1"),
        (["--event", 0, "--line", "nondet:9"], "no line 'nondet:9'"),
        (["--fuel", -1], "--fuel"),
        (["--event", "x"], "--event"),
        (["--event", 0, "--run", 99], "has no run 99"),
    ],
)
def test_at_refuses(run, run_json, recorded, words, text):
    tx = run_json("runs", "--limit", 1).object["tx"]
    told = run("at", tx, *words)
    assert told.code == 2
    assert text in told.err


def test_bisect_tells_fuel_and_place_of_both(run, run_json, trouble):
    txs = [run_json("call", trouble, "add", number).object["tx"] for number in (3, 4)]
    told = run_json("bisect", *txs)
    assert told.code == 1
    found = told.object
    assert (found["equal"], found["fuel"] > 0, len(found["at"])) == (False, True, 2)
    assert set(found["differs"]) <= {"memory", "stack", "requests", "outcome"}
    assert found["differs"]
    shown = run("bisect", *txs)
    assert shown.code == 1
    assert f"they part at fuel {found['fuel']:,}" in shown.out
    assert f"found in {found['probes']} runs of both" in shown.out


def test_bisect_of_one_run_is_equal(run, run_json, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    assert run("bisect", tx, tx).code == 0
    assert run_json("bisect", tx, tx).object["equal"] is True


def test_bisect_of_what_is_not_there(run, recorded):
    told = run("bisect", "0xabcd", "0xabcd")
    assert (told.code, "there is no transaction 0xabcd" in told.err) == (2, True)


@pytest.fixture
def added(run_json, trouble):
    """A call that adds three."""
    return run_json("call", trouble, "add", 3).object["tx"]


def test_bisect_of_builds(run, run_json, added):
    """One run on two builds: request by request where one counts no fuel, and that is said."""
    told = run_json("bisect", added, "--build-b", "fast")
    assert (told.code, told.object["equal"], told.object["clock"]) == (0, True, "events")
    assert "counts no fuel" in told.object["notes"][0]
    shown = run("bisect", added, "--build-a", "epoch", "--build-b", "fast")
    assert shown.out.startswith(
        "equal: memory, stack, requests, outcome are the same (1 runs of both)\nnote: "
    )


def test_bisect_of_another_contract(run, run_json, added, tmp_path):
    """The second runs other code: the first request that is another one, where both are, and what is not compared."""
    other = tmp_path / "other.py"
    other.write_text(
        (CONTRACTS / "trouble.py").read_text().replace("2 if twice else 1", "2 if not twice else 1")
    )
    told = run_json("bisect", added, "--code", other)
    assert told.code == 1
    assert (told.object["clock"], told.object["equal"], told.object["differs"]) == (
        "events",
        False,
        ["requests"],
    )
    assert "different snapshots" in told.object["notes"][0]
    shown = run("bisect", added, "--code", other)
    assert f"with other code, before main[{told.object['event']}]" in shown.out
    assert 'File "/contract.py", line' in shown.out
    assert ", at byte 0x" in shown.out


def test_bisect_of_runs_of_one_transaction(run, run_json, added):
    """They are named by their ids; a syncing node does what its leader did."""
    assert run_json("sync", added).code == 0
    ids = [one["run"] for one in run_json("rounds", added).objects]
    told = run_json("bisect", added, "--run-b", ids[1])
    assert (told.code, told.object["runs"], told.object["equal"]) == (0, ids, True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "give a second execution"),
        (["--build-b", "slow"], "'slow' is not one of"),
        (["--code", "nowhere.py"], "nowhere.py"),
        (["--runners-b", "nowhere"], "does not exist"),
        (["--run-b", 99], "has no run 99"),
    ],
)
def test_bisect_refuses(run, added, words, text):
    told = run("bisect", added, *words)
    assert told.code == 2
    assert text in told.err
