"""`replay` and `verify`: identical runs are called so, and a changed record is named to the event."""

from __future__ import annotations

import pytest
from msgspec import structs

from genvm_replay.cli.demo import tamper
from genvm_replay.journal.database import open_database


def test_all_runs_are_identical_oldest_first(run_json, recorded):
    told = run_json("replay", "--all")
    assert (told.code, told.err) == (0, "")
    assert [one["run"] for one in told.objects] == [1, 2, 3, 4, 5]
    for one in told.objects:
        assert one.keys() >= {
            "tx",
            "run",
            "role",
            "identical",
            "events",
            "seconds",
            "other_pins",
            "prefix_only",
        }
        assert (one["identical"], "divergence" in one) == (True, False)


@pytest.mark.parametrize("build", ["fast", "epoch", "fuel", "pulley"])
def test_every_build_says_the_same(run_json, recorded, build):
    told = run_json("replay", "--all", "--build", build)
    assert (told.code, [one["identical"] for one in told.objects]) == (0, [True] * 5)


def test_the_record_alone_is_enough(run_json, recorded):
    tamper.forget_state(recorded)
    told = run_json("replay", "--all")
    assert (told.code, len(told.objects)) == (0, 5)


def test_one_transaction_by_its_first_digits(run_json, run, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    told = run("replay", tx[:14])
    assert told.code == 0
    assert told.out.startswith(f"{tx}  run 5  leader  identical")


def test_one_run_of_a_transaction(run_json, run, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    assert run_json("replay", tx, "--run", 5).object["run"] == 5
    assert run_json("report", tx, "--run", 5).object["run"] == 5
    for command in ("replay", "report"):
        told = run(command, tx, "--run", 4)
        assert (told.code, "it has 5" in told.err) == (2, True)
    assert run("replay", "--all", "--run", 5).code == 2


def test_a_stopped_run_is_compared_as_far_as_it_went(run_json, run, trouble):
    tx = run_json("call", trouble, "spin", "--deadline", "0.3").object["tx"]
    told = run_json("replay", tx, "--build", "fast")
    assert (told.code, told.object["identical"], told.object["prefix_only"]) == (0, True, True)
    assert "until then was compared" in run("replay", tx).out


def test_a_run_with_a_fuel_limit_replays_on_the_fuel_build(run_json, trouble):
    tx = run_json("call", trouble, "spin", "--fuel", 50_000_000).object["tx"]
    told = run_json("replay", tx, "--build", "fast")
    assert (told.code, told.object["identical"]) == (0, True)


def test_a_changed_byte_is_found_at_its_event(run_json, run, recorded):
    change = tamper.change_one_byte(recorded, 2)
    for command, verdict in (("verify", "ok"), ("replay", "identical")):
        told = run_json(command, *([] if command == "verify" else ["--all"]))
        assert told.code == 1
        [bad] = [one for one in told.objects if not one[verdict]]
        assert len(told.objects) == 5
        assert bad["run"] == 2
        assert bad["divergence"].keys() == {"line", "seq", "field", "expected", "actual"}
        assert (bad["divergence"]["line"], bad["divergence"]["seq"]) == (change.line, change.seq)
    assert bad["damaged"] is True
    shown = run("verify")
    assert shown.code == 1
    assert f"{change.line}[{change.seq}]" in shown.out
    assert shown.out.endswith("5 runs: 4 ok, 1 DAMAGED\n")


def test_a_changed_header_is_damage_and_the_other_runs_are_still_checked(run_json, recorded):
    with open_database(recorded) as store, store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET header = zeroblob(9) WHERE id = 3")
    told = run_json("replay", "--all")
    assert told.code == 1
    assert [one["identical"] for one in told.objects] == [True, True, False, True, True]


def test_verify_of_one_transaction(run_json, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    assert run_json("verify", tx).object == {
        "tx": tx,
        "run": 5,
        "role": "leader",
        "ok": True,
        "events": 27,
        "redacted": [],
    }


TABLES = (
    *("segments", "payload_references", "run_facts", "storage_writes", "nondet_answers"),
    *("storage_pages", "contracts", "accounts", "runs"),
)


def test_nothing_recorded_is_nothing_to_do(run, recorded):
    with open_database(recorded) as store, store.database.writing() as connection:
        for table in TABLES:
            connection.exec_driver_sql(f"DELETE FROM {table}")
    told = run("replay", "--all")
    assert (told.code, told.out) == (0, "0 runs: nothing to do\n")


def test_runs_are_paged(run_json, recorded, monkeypatch):
    monkeypatch.setattr("genvm_replay.cli.replays.PAGE", 2)
    assert [one["run"] for one in run_json("verify").objects] == [1, 2, 3, 4, 5]


def test_a_record_that_names_other_versions_says_so(run_json, run, recorded):
    """Equal events under other versions are identical; the names of what differs are told all the same."""
    with open_database(recorded) as store:
        stored = store.load_run(2)
        pins = structs.replace(stored.header.pins, sdk="00" * 32, engine="wasmtime 1.0.0")
        recorder = store.begin_run(structs.replace(stored.header, tx=bytes(32), pins=pins))
        for event in stored.read_line("main"):
            recorder.line("main").append(event.request, event.answer)
        store.commit(recorder.finish(stored.footer))
    told = run_json("replay", "00" * 32)
    assert (told.code, told.object["identical"], told.object["other_pins"]) == (0, True, ["sdk", "engine"])


def test_a_run_that_comes_out_otherwise_is_different_and_the_versions_are_named(run_json, run, recorded):
    with open_database(recorded) as store:
        stored = store.load_run(2)
        pins = structs.replace(stored.header.pins, sdk="00" * 32)
        recorder = store.begin_run(structs.replace(stored.header, tx=bytes(32), pins=pins))
        for event in stored.read_line("main"):
            recorder.line("main").append(event.request, event.answer)
        store.commit(recorder.finish(structs.replace(stored.footer, memory_hash=bytes(32))))
    told = run_json("replay", "00" * 32)
    assert (told.code, told.object["identical"]) == (1, False)
    assert told.object["divergence"]["field"] == "memory_hash"
    assert told.object["divergence"]["expected"] == "0x" + "00" * 32
    shown = run("replay", "00" * 32)
    assert "DIFFERENT" in shown.out
    assert "not the recorded versions here: sdk" in shown.out
