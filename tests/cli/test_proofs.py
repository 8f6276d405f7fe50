"""`prove`, `verify-proof`, `sign` and `redact`, and what `verify`, `show` and `replay` say afterwards."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import OK, Answer, Event, ModuleCall, ReadClock
from tests.journal.keys import KEY, PEM, PUBLIC, PUBLIC_PEM
from tests.journal.samples import TX, record

PROMPT, ANSWER = b"Is it true that this is a prompt?", b"It is true, says the model."
PLAIN = [Event(ReadClock(clock), OK) for clock in range(20)]
CONTENT = [*PLAIN, Event(ModuleCall("llm", PROMPT), Answer(0, ANSWER)), Event(ReadClock(0), OK)]
AT = "main:20"
BAD_EVENTS = ["", "main", "main:", "main:x", "main[1", ":3", "main:-1", "main:" + "9" * 19]


@pytest.fixture
def asked(tmp_path: Path) -> str:
    """The root of a run with a prompt and its answer."""
    with open_database(tmp_path / "journal.db") as store:
        store.commit(record({"main": CONTENT}))
        return store.list_runs()[0].root.hex()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(PEM)
    return path


def test_a_proof_needs_no_journal(run, run_json, asked, tmp_path):
    """What `prove` writes is checked where there is nothing else; the answer is shown."""
    proof = tmp_path / "proof.json"
    assert run("prove", TX.hex(), "--event", AT, "-o", proof).code == 0
    (tmp_path / "journal.db").unlink()
    told = run_json("verify-proof", proof, "--root", asked).object
    assert told["ok"] is True
    assert (told["tx"], told["root"], told["line"], told["seq"]) == (
        f"0x{TX.hex()}",
        f"0x{asked}",
        "main",
        20,
    )
    assert (told["kind"], told["request"]["message"]) == ("module_call/1", f"0x{PROMPT.hex()}")
    assert told["answer"] == {"error": 0, "value": f"0x{ANSWER.hex()}"}
    shown = run("verify-proof", proof)
    assert shown.code == 0
    assert "main[20] module_call/1" in shown.out
    assert "the proof holds" in shown.out
    assert not (tmp_path / "journal.db").exists()


def test_a_proof_to_standard_output(run, asked, tmp_path):
    """Nothing but the proof."""
    done = run("prove", TX.hex(), "--event", "main[20]")
    (tmp_path / "p").write_text(done.out)
    assert run("verify-proof", tmp_path / "p").code == 0


def test_a_proof_that_does_not_hold(run, asked, tmp_path):
    """Exit code 1: another root, another signer, a changed byte; 3: no proof at all."""
    proof = tmp_path / "proof.json"
    run("prove", TX.hex(), "--event", AT, "-o", proof)
    for words, message in (
        (("--root", "00" * 32), "the proof is of a run with root"),
        (("--key", PUBLIC.hex()), "no signature by that key"),
    ):
        done = run("verify-proof", proof, *words)
        assert (done.code, done.out) == (1, "")
        assert message in done.err
    proof.write_text(proof.read_text().replace('"seq": 20', '"seq": 19'))
    done = run("verify-proof", proof)
    assert done.code == 1
    assert "does not hold" in done.err
    proof.write_text("{}")
    assert run("verify-proof", proof).code == 3
    assert run("verify-proof", tmp_path / "none").code == 3


def test_signatures(run, run_json, asked, key, tmp_path):
    """`sign` stores one for each run, `verify` checks it, a proof carries it; the key is not in the journal."""
    assert run_json("sign", TX.hex(), "--key", key).object == {
        "run": 1,
        "root": f"0x{asked}",
        "public_key": PUBLIC.hex(),
    }
    assert run("verify").code == 0
    proof, public = tmp_path / "proof.json", tmp_path / "public.pem"
    run("prove", TX.hex(), "--event", AT, "-o", proof)
    public.write_bytes(PUBLIC_PEM)
    for signer in (public, PUBLIC.hex()):
        assert run_json("verify-proof", proof, "--key", signer).object["signers"] == [PUBLIC.hex()]
    for file in tmp_path.glob("journal.db*"):
        assert KEY.private_bytes_raw() not in file.read_bytes()
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("UPDATE signatures SET signature = zeroblob(64)")
    done = run("verify")
    assert done.code == 1
    assert "signature" in done.out


def test_a_key_that_is_none(run, asked, tmp_path):
    """The file is named, nothing is signed."""
    (tmp_path / "key.pem").write_text("a secret that is no key")
    done = run("sign", TX.hex(), "--key", tmp_path / "key.pem")
    assert done.code == 2
    assert "not an Ed25519 key" in done.err
    assert "a secret" not in done.err


def test_redaction(run, run_json, asked, tmp_path):
    """The answer is gone; the root stays, and every command says what was removed."""
    proof = tmp_path / "proof.json"
    done = run_json("redact", TX.hex(), "--event", AT, "--field", "answer.value", "--reason", "a name")
    [digest] = done.object["payloads"]
    assert done.object["runs"] == [1]
    told = run_json("verify").object
    assert (told["ok"], told["redacted"]) == (
        True,
        [f"main[20]: answer.value was redacted; its BLAKE3 is {digest}"],
    )
    assert f"answer.value was redacted; its BLAKE3 is {digest}" in run("verify").out
    shown = run_json("show", TX.hex(), "--events").objects
    assert len(shown) == 1 + len(CONTENT)
    assert shown[21] == {"line": "main", "seq": 20, "redacted": {"field": "answer.value", "blake3": digest}}
    assert (
        f"main[20]: answer.value was redacted; its BLAKE3 is {digest}"
        in run("show", TX.hex(), "--events").out
    )
    run("prove", TX.hex(), "--event", AT, "-o", proof)
    proven = run_json("verify-proof", proof, "--root", asked).object
    assert proven["redacted"] == [{"field": "answer.value", "blake3": digest}]
    assert "redacted" in run("verify-proof", proof).out
    for file in tmp_path.iterdir():
        assert ANSWER not in file.read_bytes()


def test_what_can_not_be_redacted(run, asked):
    """Said, with what could be."""
    for words, message in (
        (("--event", "main:21"), "those that are: none"),
        (("--event", AT, "--field", "answer.error"), "those that are: request.message, answer.value"),
        (("--event", "main:99"), "it has 22"),
        (("--event", "side:0"), "no line 'side'"),
    ):
        done = run("redact", TX.hex(), *words)
        assert done.code == 2
        assert message in done.err
    assert run("verify").code == 0


@pytest.mark.parametrize("event", BAD_EVENTS)
def test_events_that_are_none(run, asked, event):
    """The form is told."""
    done = run("prove", TX.hex(), "--event", event)
    assert done.code == 2
    assert "such as main:12" in done.err


def test_one_of_several_runs(run, run_json, asked, tmp_path):
    """`--run` chooses."""
    with open_database(tmp_path / "journal.db") as store:
        store.commit(record({"main": CONTENT[:3]}))
    done = run("prove", TX.hex(), "--event", "main:0")
    assert done.code == 2
    assert "choose by --run one of 1, 2" in done.err
    assert run("prove", TX.hex(), "--event", "main:0", "--run", 3).code == 2
    assert run("prove", TX.hex(), "--event", AT, "--run", 1).code == 0


def test_a_payload_that_no_run_names(run, asked, tmp_path):
    """`verify` of the whole journal finds it, by its hash."""
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("INSERT INTO blobs (hash, size, data) VALUES (zeroblob(32), 1, x'00')")
    done = run("verify")
    assert done.code == 1
    assert "00" * 32 in done.err
    assert run("verify", TX.hex()).code == 0


def test_replay_of_a_redacted_run(run, run_json, trouble):
    """It can't be re-executed, and says which payload of which event is missing."""
    tx = run_json("call", trouble, "keep", '"' + "long " * 2000 + '"').object["tx"]
    assert run("replay", tx).code == 0
    events = run_json("show", tx, "--events").objects[1:]
    [seq] = [event["seq"] for event in events if event["kind"] == "get_calldata/1"][:1]
    assert run("redact", tx, "--event", f"main:{seq}", "--field", "answer.value").code == 0
    done = run_json("replay", tx)
    assert done.code == 3
    assert done.object["identical"] is None
    assert f"main[{seq}]: answer.value was redacted" in done.object["error"]
    assert run("verify", tx).code == 0
