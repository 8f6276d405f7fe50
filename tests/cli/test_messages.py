"""What contracts send and emit: told with the result and by `show`, carried out with --deliver."""

from __future__ import annotations

import json

import pytest
from msgspec import structs

from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import OK, DeployContract, EthSend, PostMessage

from .conftest import CONTRACTS

NOBODY = "0x0B0b0b0b0B0B0B0B0b0b0b0b0B0B0B0B0B0b0B0b"


@pytest.fixture
def relay(run_json):
    return run_json("deploy", CONTRACTS / "relay.py").object["address"]


def sent_to(relay, to, fail="false"):
    return ("call", relay, "send", json.dumps({"$address": to}), fail, "--value", 10)


def test_what_was_sent_is_told(run_json, relay):
    told = run_json(*sent_to(relay, relay)).object
    message, deployment, call, transfer = told["messages"]
    assert message == {
        "kind": "message",
        "to": relay,
        "call": {"args": ["\x1b[2J"], "kwargs": {"fail": False}, "method": "note"},
        "value": 3,
        "on": "accepted",
    }
    assert (deployment["kind"], deployment["code_bytes"], deployment["on"]) == ("deployment", 11, "finalized")
    assert deployment["to"].startswith("0x")
    assert (call["kind"], len(call["data"]), call["value"]) == ("eth_send", 2 + 2 * 36, 2)
    assert (transfer["data"], transfer["value"]) == ("0x", 1)
    [event] = told["emitted_events"]
    assert event["blob"] == {"text": "sending", "to": {"$address": relay}}
    assert [len(topic) for topic in event["topics"]] == [66, 66]
    stored = run_json("show", told["tx"]).object
    assert (stored["messages"], stored["emitted_events"]) == (told["messages"], told["emitted_events"])


def test_a_failed_transaction_has_sent_nothing(run_json, relay):
    told = run_json(*sent_to(relay, relay, "true"), "--deliver").object
    assert (told["messages"], told["emitted_events"]) == ([], [])
    stored = run_json("show", told["tx"]).object
    assert (stored["messages"], stored["emitted_events"]) == ([], [])


def test_delivered_one_object_a_transaction(run_json, relay):
    done = run_json(*sent_to(relay, relay), "--deliver")
    first, note, child = done.objects
    assert (first["parent"], note["parent"], child["parent"]) == (None, first["tx"], first["tx"])
    assert (note["stdout"], note["result"]["kind"]) == ("\x1b[2J\n", "return")
    assert child["address"] == first["messages"][1]["to"]
    assert child["result"]["kind"] == "vm_error"
    assert done.code == 1, "the deployment failed"
    assert [run["method"] for run in run_json("runs", "--limit", 3).objects] == [None, "note", "send"]
    assert run_json("replay", "--all").code == 0


def test_what_can_not_be_delivered_is_told(run_json, run, relay):
    _, refused, _ = run_json(*sent_to(relay, NOBODY), "--deliver").objects
    assert f"no contract at {NOBODY}" in refused["not_delivered"]
    assert refused["message"]["to"] == NOBODY
    told = run(*sent_to(relay, NOBODY), "--deliver").out
    assert "not delivered" in told
    assert f"no contract at {NOBODY}" in told


def test_people_see_a_line_for_each(run, run_json, relay):
    done = run(*sent_to(relay, relay), "--deliver")
    lines = [line for line in done.out.splitlines() if line.startswith("-> ")]
    assert lines[0].startswith(f"-> message to {relay}, call ")
    assert lines[0].endswith("value 3, on accepted")
    assert "deployment to 0x" in lines[1]
    assert lines[3] == f"-> eth_send to {relay}, value 1"
    assert "event" in lines[4]
    assert lines[5:] == lines[:2], "what is delivered is named above its own result"
    assert "\x1b" not in done.out
    tx = run_json("runs", "--limit", 3).objects[2]["tx"]
    assert run("show", tx).out.splitlines()[-5:] == lines[:5]


def test_a_constructor_sends_too(run_json):
    deployed, note = run_json("deploy", CONTRACTS / "relay.py", "--deliver").objects
    assert [sent["to"] for sent in deployed["messages"]] == [deployed["address"]]
    assert (note["parent"], note["stdout"]) == (deployed["tx"], "born\n")


FOREIGN = [
    PostMessage(b"short", b"\x06", bytes(32), "finalized"),
    EthSend(bytes(20), b"", bytes(4096)),
    DeployContract(b"\x06", b"", bytes(32), "finalized", bytes(33)),
]


@pytest.mark.parametrize("sent", FOREIGN, ids=["address", "value", "salt"])
def test_a_foreign_record_may_hold_anything(run, recorded, sent):
    """Sizes that no executor writes are told as damage, with their place."""
    store_sent(recorded, sent)
    told = run("show", "00" * 32)
    assert told.code == 1
    assert "bytes" in told.err
    assert "main[0]" in told.err


def test_a_foreign_record_can_not_steer_the_terminal(run, run_json, recorded):
    """Nor does calldata that is none stop the listing."""
    store_sent(recorded, PostMessage(bytes(20), b"\xff", b"\xff" * 32, "\x1b[2J"))
    line = run("show", "00" * 32).out.splitlines()[-1]
    assert line.endswith(f"value {2**256 - 1}, on \\x1b[2J")
    [message] = run_json("show", "00" * 32).object["messages"]
    assert message["call"] == {"$calldata": "ff"}


def store_sent(path, sent):
    with open_database(path) as store:
        stored = store.load_run(2)
        recorder = store.begin_run(structs.replace(stored.header, tx=bytes(32)))
        recorder.line("main").append(sent, OK)
        store.commit(recorder.finish(stored.footer))
