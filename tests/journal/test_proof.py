"""Proofs of single events: they hold with nothing else, and nothing in them can be changed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.errors import JournalDamaged, JournalError, UsageError
from genvm_replay.journal.events import OK, Answer, Event, ModuleCall, ReadClock, StorageWrite, WriteStream
from genvm_replay.journal.proof import FORMAT, Proof, check_proof, decode_proof, encode_proof
from genvm_replay.journal.recorder import FinishedRun
from genvm_replay.journal.source import MemorySource
from genvm_replay.journal.stored import StoredRun

from .keys import PUBLIC, signed
from .samples import FOOTER, HEADER, TX, many_events, record

ASKED = Event(ModuleCall("llm", b"Is this claim true? " * 3), Answer(0, b"an answer of the model"))
SECRET = Event(ModuleCall("llm", b"something that is no one's business"), OK)
MAIN = [
    *many_events(1500),
    SECRET,
    ASKED,
    SECRET,
    Event(WriteStream(1, b"page " * 2000), OK),
    *many_events(900),
]
RUN = record({"main": MAIN, "nondet:0": many_events(3)})
ASKED_AT = 1501
PLACES = [
    ("main", 0),
    ("main", 31),
    ("main", 1023),
    ("main", 1024),
    ("main", ASKED_AT),
    ("main", len(MAIN) - 1),
]


def proof_of(line: str = "main", seq: int = ASKED_AT, run: FinishedRun = RUN) -> Proof:
    return run.open().prove(line, seq)


@pytest.mark.parametrize(("line", "seq"), [*PLACES, ("nondet:0", 2)])
def test_a_proof_holds_alone(line: str, seq: int) -> None:
    """From its bytes come the event, its place, the header and the root, without the journal."""
    proven = check_proof(decode_proof(encode_proof(proof_of(line, seq))))
    recorded = MAIN if line == "main" else many_events(3)
    assert (proven.line, proven.seq, proven.event) == (line, seq, recorded[seq])
    assert (proven.root, proven.header, proven.missing, proven.signers) == (RUN.root, HEADER, (), ())


def test_a_proof_shows_nothing_else() -> None:
    """Not the neighbours of an event with a private payload, no other payload, not the result."""
    data = encode_proof(proof_of())
    proof = decode_proof(data)
    assert proof.leaf.count == 1
    assert sorted(proof.payloads) == sorted([ASKED.request.message, ASKED.answer.value])  # type: ignore[union-attr,type-var]
    assert len(data) < 4000
    everything = b"".join([*proof.payloads, proof.leaf.events, proof.header, proof.lines])
    assert b"business" not in everything
    assert msgspec.msgpack.encode(FOOTER) not in everything


def test_events_that_are_not_there() -> None:
    """The error says what there is."""
    with pytest.raises(UsageError, match="it has 3"):
        proof_of("nondet:0", 3)
    with pytest.raises(UsageError, match="no line 'side'"):
        proof_of("side", 0)


def test_no_proof_from_a_damaged_line() -> None:
    """Damage anywhere in the line is told."""
    segments = [s for s in RUN.segments if (s.line, s.number) != ("main", 2)]
    with pytest.raises(JournalDamaged, match=r"main\[2048\]"):
        StoredRun(RUN.stored, MemorySource(segments, RUN.blobs)).prove("main", 5)


def test_redacted_payloads_are_named() -> None:
    """The proof of an event holds without its payload; what is missing is told by its hash."""
    digests = [d for d, data in RUN.blobs.items() if data == ASKED.answer.value]
    kept = {digest: data for digest, data in RUN.blobs.items() if digest not in digests}
    run = StoredRun(RUN.stored, MemorySource(RUN.segments, kept, redacted=digests))
    proven = check_proof(run.prove("main", ASKED_AT))
    assert (proven.event, proven.root) == (None, RUN.root)
    (missing,) = proven.missing
    assert (missing.seq, missing.field, missing.digest) == (ASKED_AT, "answer.value", digests[0])


def test_signatures_come_along() -> None:
    """Whoever trusts the signer needs no root from elsewhere."""
    source = MemorySource(RUN.segments, RUN.blobs, signatures=[signed(RUN.root)])
    proof = StoredRun(RUN.stored, source).prove("main", 3)
    assert check_proof(proof).signers == (PUBLIC,)
    forged = msgspec.structs.replace(proof, signatures=[signed(bytes(32))])
    with pytest.raises(JournalError, match="no valid signature of the root by"):
        check_proof(forged)


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the numbers and texts of a JSON value are."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [found for key, item in items for found in leaves_of(item, (*path, key))]
    return [path]


PLAIN = json.loads(encode_proof(proof_of()))


@pytest.mark.parametrize("path", leaves_of(PLAIN), ids=lambda path: ".".join(map(str, path)))
@given(st.data())
@settings(max_examples=6, deadline=None)
def test_every_part_counts(path: tuple[Any, ...], data: st.DataObject) -> None:
    """A changed field of a proof is an error that says so; never another event, never a traceback."""
    changed = json.loads(json.dumps(PLAIN))
    place = changed
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    if isinstance(old, int):
        place[path[-1]] = data.draw(st.integers(-2, 2**70).filter(lambda new: new != old))
    else:
        at = data.draw(st.integers(0, max(0, len(old.rstrip("=")) - 2)))
        new = data.draw(st.sampled_from([c for c in "AQgwb3Z/" if c != old[at : at + 1]]))
        place[path[-1]] = old[:at] + new + old[at + 1 :]
    with pytest.raises(JournalError):
        check_proof(decode_proof(json.dumps(changed).encode()))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no proof"),
        (b"{}", "no proof"),
        (b"[" * 100_000, "no proof"),
        (b"\xff\xfe", "no proof"),
        (json.dumps(PLAIN | {"format": "genvm-replay proof/9"}).encode(), f"reads '{FORMAT}'"),
        (json.dumps(PLAIN | {"more": 1}).encode(), "no proof"),
    ],
)
def test_files_that_are_no_proofs(data: bytes, message: str) -> None:
    """Said in one line."""
    with pytest.raises(JournalError, match=message):
        decode_proof(data)


def test_an_event_inside_a_payload_is_no_event() -> None:
    """Bytes that look like an event, written by a guest into its storage, can't be passed off as one."""
    fake = msgspec.msgpack.encode((ReadClock(0), Answer(0, 7)))
    run = record({"main": [Event(StorageWrite(b"s" * 32, 0, fake), OK)]})
    proof = proof_of("main", 0, run)
    leaf = msgspec.structs.replace(proof.leaf, events=fake)
    with pytest.raises(JournalError, match="does not hold"):
        check_proof(msgspec.structs.replace(proof, leaf=leaf))


def test_a_proof_is_of_one_run() -> None:
    """The same event of another transaction has other leaves."""
    other = msgspec.structs.replace(HEADER, tx=bytes(32))
    proof, foreign = proof_of(), proof_of(run=record({"main": MAIN}, header=other))
    assert check_proof(foreign).header.tx != TX
    with pytest.raises(JournalError, match="does not hold"):
        check_proof(msgspec.structs.replace(foreign, header=proof.header))
