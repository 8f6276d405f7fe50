"""`validate`, `sync`, `appeal` and `rounds` as one types them: rounds with a dishonest leader and a flaky page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.block_runs import Modules, running_modules
from replay.oracle_modules import ORACLE, say

from genvm_replay.cli.demo import tamper
from genvm_replay.journal.database import open_database


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    with running_modules() as running:
        monkeypatch.setenv("GENVM_REPLAY_LLM", running.address)
        monkeypatch.setenv("GENVM_REPLAY_WEB", running.address)
        yield running


@pytest.fixture
def address(run_json) -> str:
    return run_json("deploy", ORACLE).object["address"]


def pages(journal: Path, address: str) -> dict:
    with open_database(journal) as store:
        return dict(store.state.pages(bytes.fromhex(address[2:])))


def test_rounds_with_a_dishonest_leader_and_a_flaky_page(
    run, run_json, modules, address, monkeypatch, tmp_path
):
    """Leader, five validators, two appeals with more of them; then everything replays with no module and no state."""
    say(modules, 480)  # the leader's own module lies
    tx = run_json("call", address, "update", '"gen"').object["tx"]
    before = pages(tmp_path / "journal.db", address)
    say(modules, 100)
    told = run_json("validate", tx, "--count", 4)
    assert (told.code, [one["vote"] for one in told.objects]) == (1, ["disagree"] * 4)
    say(modules, 100, status=503)
    told = run_json("validate", tx)
    assert (told.code, told.object["vote"], told.object["disagrees_with_block"]) == (1, "disagree", 0)
    say(modules, 100)
    told = run_json("appeal", tx, "--count", 7)
    assert told.code == 1
    assert [(one["role"], one["vote"]) for one in told.objects] == [
        ("leader", None),
        *[("appeal", "disagree")] * 7,
    ]
    told = run_json("validate", tx, "--count", 6)
    assert (told.code, {one["vote"] for one in told.objects}, len(told.objects)) == (0, {"agree"}, 6)
    say(modules, 100, status=503)
    assert run_json("validate", tx).object["vote"] == "disagree"
    say(modules, 102)
    told = run_json("appeal", tx, "--count", 9)
    assert (told.code, [one["vote"] for one in told.objects]) == (0, [None, *["agree"] * 9])
    assert run_json("sync", tx).object["vote"] == "agree"

    table = run("rounds", tx)
    assert table.code == 0
    lines = table.out.splitlines()
    assert lines[0].startswith("round  run  role ")
    assert len(lines) == 1 + 32 + 4
    assert lines[1].split()[:6] == ["0", "2", "leader", "-", "return", "480"]
    assert lines[2].split()[:6] == ["0", "3", "validator", "1", "2", "disagree"]
    assert lines[-4:] == [
        "round 0, on run 2: 5 disagree",
        "round 1, on run 2: 7 disagree",
        "round 1, on run 8: 6 agree, 1 disagree",
        "round 2, on run 8: 9 agree",
    ]
    rows = run_json("rounds", tx).objects
    leaders = [one for one in rows if one["role"] == "leader"]
    assert [(one["round"], one["of_run"], one["result"]["value"]) for one in leaders] == [
        (0, None, 480),
        (1, 2, 100),
        (2, 8, 102),
    ]
    for one in rows:
        of = next((leader for leader in leaders if leader["run"] == one["of_run"]), None)
        if of is not None and one["role"] != "leader":
            assert [one[name] == of[name] for name in ("result_hash", "storage_hash")] == [True, True]
    assert pages(tmp_path / "journal.db", address) == before
    run("export", tx, "--to", tmp_path / "all.capsule")
    run("--db", tmp_path / "other.db", "import", tmp_path / "all.capsule")
    imported = run_json("--db", tmp_path / "other.db", "rounds", tx).objects
    told = [
        [(one["round"], one["role"], one["name"], one["vote"]) for one in table] for table in (imported, rows)
    ]
    assert told[0] == told[1], "validators that were told the same stay, in archives too"
    assert [one["name"] for one in rows if one["of_run"] == 2] == [str(number) for number in range(1, 14)]
    tamper.forget_state(tmp_path / "journal.db")
    for variable in ("GENVM_REPLAY_LLM", "GENVM_REPLAY_WEB"):
        monkeypatch.setenv(variable, "ws://127.0.0.1:1")
    modules.heard.clear()
    replayed = run_json("replay", tx)
    assert (replayed.code, len(replayed.objects), modules.heard) == (0, 32, [])
    assert {one["identical"] for one in replayed.objects} == {True}


def test_a_state_that_the_record_does_not_show(run, modules, address, run_json):
    """Refused with what was asked for; with --state local it is read from the local node."""
    say(modules, 100)
    tx = run_json("call", address, "update", '"gen"').object["tx"]
    say(modules, 700)
    told = run("appeal", tx)
    assert (told.code, told.out) == (2, "")
    assert "the run asks for storage of 0x" in told.err
    assert "--state local reads it from the local node's state, as it is now" in told.err
    told = run_json("appeal", tx, "--state", "local")
    assert (told.code, told.objects[0]["result"]["value"]) == (1, 700)
    assert told.objects[1]["vote"] == "disagree"


def test_an_appeal_against_a_leader_that_was_stopped(run_json, modules, address):
    """It has nothing to judge: `validate` says so, and the appeal is a new leader alone."""
    say(modules, 100)
    tx = run_json("call", address, "spin", "--deadline", 0.2).object["tx"]
    told = run_json("validate", tx)
    assert told.code == 2
    assert "has no result to judge: it was stopped from outside" in told.object["error"]["message"]
    told = run_json("appeal", tx, "--deadline", 0.2)
    assert (told.code, told.object["role"], told.object["result"]["value"]) == (0, "leader", "timeout")


def test_a_module_that_is_gone(run, run_json, modules, address, monkeypatch):
    """What was recorded before it went is told; the error says which module."""
    say(modules, 100)
    tx = run_json("call", address, "update", '"gen"').object["tx"]
    told = run("validate", tx, "--web", "ws://127.0.0.1:1")
    assert (told.code, told.out) == (3, "")
    assert "the contract needs the web module" in told.err


def test_validators_have_names(run, run_json, modules, address, tmp_path):
    """Their numbers, or what they are called: equal runs are told apart, and stay apart in another journal."""
    say(modules, 100)
    tx = run_json("call", address, "update", '"gen"').object["tx"]
    made = [run_json("validate", tx, *words).objects for words in ((), ("--name", "alice", "--count", 2), ())]
    assert [one["name"] for rows in made for one in rows] == ["1", "alice-1", "alice-2", "4"]
    assert run_json("sync", tx, "--name", "bob").object["name"] == "bob"
    runs = run_json("runs", "--limit", 6).objects
    assert len({one["root"] for one in runs}) == 6
    run("export", tx, "--to", tmp_path / "all.capsule")
    assert run("--db", tmp_path / "other.db", "import", tmp_path / "all.capsule").code == 0
    tables = [run_json(*db, "rounds", tx).objects for db in ((), ("--db", tmp_path / "other.db"))]
    assert len(tables[0]) == len(tables[1]) == 6
    assert [[one["name"], one["vote"]] for one in tables[0]] == [
        [one["name"], one["vote"]] for one in tables[1]
    ]
    assert {one["identical"] for one in run_json("--db", tmp_path / "other.db", "replay", tx).objects} == {
        True
    }


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("validate", "abcd1234"), "there is no transaction abcd1234"),
        (("validate", "TX", "--run", "77"), "run 77 is no leader's run of this transaction; these are: 1"),
        (("sync", "TX", "--deadline", "nan"), "--deadline: give a number of seconds"),
        (("appeal", "TX", "--count", "0"), "0 is not in the range"),
        (("validate", "TX", "--name", "a\nb"), "a name has at most 59 characters, all of them printable"),
        (("validate", "TX", "--name", "x" * 60), "a name has at most 59 characters"),
        (("validate", "TX", "--state", "guess"), "'guess' is not 'local'"),
        (("rounds", "xyz"), "'xyz' is no transaction"),
    ],
)
def test_bad_words(run, run_json, words, text):
    """Each is refused in one line that says what is wrong."""
    tx = run_json("deploy", ORACLE).object["tx"]
    told = run(*(tx if word == "TX" else word for word in words))
    assert (told.code, told.out) == (2, "")
    assert text in told.err
