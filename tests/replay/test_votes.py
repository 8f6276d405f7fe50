"""Votes from two records alone: what is a violation, what is none, and where the first difference lies."""

from __future__ import annotations

import pytest
from msgspec import structs

from genvm_replay import calldata
from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeResult,
    Event,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    ReadClock,
    StorageRead,
    StorageWrite,
)
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.run import Limits, Message, Pins, Role, RunFooter, RunHeader
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.votes import fingerprint_hash, result_hash, vote_of

A, SLOT = b"a" * 20, b"s" * 32
MESSAGE = Message(A, A, A, "1", 0, False, "2026-01-01T00:00:00Z")
HEADER = RunHeader(b"t" * 32, "leader", None, MESSAGE, "rwscn", Pins("", "", "", ""), Limits(1, None, None))
FOOTER = RunFooter("return", b"\x10", b"c" * 32, "sdk", b"s" * 32, b"m" * 32, interrupted=False)
READ, CLOCK = StorageRead(0, A, SLOT, 0, 1), ReadClock(0)
SENT = PostMessage(A, b"", bytes(32), "finalized")
RESULT = ConsumeResult(b"\0\x10")
RECORD = [
    Event(READ, Answer(0, b"r")),
    Event(GetLeaderNondetResult(0), Answer(3)),
    Event(PostNondetResult(0, b"\0\x10"), OK),
    Event(StorageWrite(SLOT, 0, b"1"), OK),
    Event(SENT, OK),
    Event(CLOCK, Answer(0, 1)),
    Event(RESULT, OK),
]
TAKEN = [*RECORD[:1], Event(GetLeaderNondetResult(0), Answer(0, b"\0\x10")), *RECORD[3:]]


def recorded(events: list[Event], role: Role = "validator", footer: RunFooter = FOOTER) -> StoredRun:
    recorder = RunRecorder(structs.replace(HEADER, role=role))
    for event in events:
        recorder.line("main").append(event.request, event.answer)
    return recorder.finish(footer).open()


LEADER = recorded(RECORD, "leader")


@pytest.mark.parametrize("role", ["validator", "sync", "appeal"])
def test_the_same_deterministic_part(role: Role) -> None:
    """Whose result a block has is a matter of the role, and no difference."""
    vote = vote_of(recorded(TAKEN, role), LEADER)
    assert (vote.word, vote.block, vote.difference) == ("agree", None, None)


def test_a_rejected_block() -> None:
    """The first one is named."""
    vote = vote_of(recorded([*TAKEN[:-1], Event(NotifyNondetDisagreement(3), OK), TAKEN[-1]]), LEADER)
    assert (vote.word, vote.block, vote.difference) == ("disagree", 3, None)


def without(index: int) -> list[Event]:
    return TAKEN[:index] + TAKEN[index + 1 :]


VIOLATIONS = {
    "another message": (
        [*TAKEN[:3], Event(structs.replace(SENT, on="accepted"), OK), *TAKEN[4:]],
        (4, "on", "finalized", "accepted"),
    ),
    "no message": (without(3), (4, "kind", "post_message/1", "read_clock/1")),
    "one event more": (
        [*TAKEN[:-1], Event(PostEvent((), b""), OK), TAKEN[-1]],
        (6, "kind", "consume_result/1", "post_event/1"),
    ),
    "another result": (
        [*TAKEN[:-1], Event(ConsumeResult(b"\0\x08"), OK)],
        (6, "payload", b"\0\x10", b"\0\x08"),
    ),
    "no block": (without(1), (1, "kind", "get_leader_nondet_result/1", "storage_write/1")),
}


@pytest.mark.parametrize(("events", "place"), VIOLATIONS.values(), ids=list(VIOLATIONS))
def test_violations(events: list[Event], place: tuple[object, ...]) -> None:
    """What others see differs: the place is told by its index in the leader's line."""
    vote = vote_of(recorded(events), LEADER)
    found = vote.difference
    assert vote.word == "deterministic violation"
    assert found is not None
    assert place == (found.seq, found.field, found.expected, found.actual)


def test_another_storage() -> None:
    """The delta's hash is in the footer; with equal requests the difference is told from there."""
    vote = vote_of(recorded(TAKEN, footer=structs.replace(FOOTER, storage_hash=b"o" * 32)), LEADER)
    assert vote.word == "deterministic violation"
    assert vote.difference is not None
    assert (vote.difference.line, vote.difference.field) == ("footer", "storage_hash")


@pytest.mark.parametrize(
    ("events", "place"),
    [
        (without(4), (5, "kind")),
        ([*TAKEN[:4], Event(CLOCK, Answer(0, 2)), TAKEN[-1]], (5, "answer.value")),
        ([Event(READ, Answer(1)), *TAKEN[1:]], (0, "answer.error")),
        ([*TAKEN, Event(CLOCK, OK)], (7, "kind")),
    ],
    ids=["missing", "answer", "host error", "extra"],
)
def test_what_nobody_sees_is_told_but_no_violation(events: list[Event], place: tuple[int, str]) -> None:
    """Bookkeeping and semantics are kept apart."""
    vote = vote_of(recorded(events), LEADER)
    assert vote.word == "agree"
    assert vote.difference is not None
    assert (vote.difference.seq, vote.difference.field) == place


def test_runs_without_a_result() -> None:
    """A stopped one is a timeout whatever it got to; one that failed internally has no vote; a leader has none either."""
    stopped = structs.replace(FOOTER, interrupted=True)
    assert vote_of(recorded(TAKEN[:2], footer=stopped), LEADER).word == "timeout"
    failed = structs.replace(FOOTER, kind="internal_error")
    assert vote_of(recorded(TAKEN[:2], footer=failed), LEADER).word is None
    other = [*RECORD[:2], Event(PostNondetResult(0, b"\0\x08"), OK), *RECORD[3:]]
    vote = vote_of(recorded(other, "leader"), LEADER)
    assert vote.word is None
    assert vote.difference is not None
    assert (vote.difference.seq, vote.difference.field) == (2, "result")


def test_hashes() -> None:
    """Of code byte and data; of the fingerprint alone, so equal fingerprints are equal whatever the message says."""
    assert result_hash(FOOTER) != result_hash(structs.replace(FOOTER, kind="user_error"))
    assert fingerprint_hash(LEADER) is None

    def failed(message: str, frames: int) -> StoredRun:
        told = {"fingerprint": {"frames": [None] * frames}, "message": message}
        return recorded([Event(ConsumeResult(b"\1" + calldata.encode(told)), OK)])

    assert fingerprint_hash(failed("a", 1)) == fingerprint_hash(failed("b", 1)) is not None
    assert fingerprint_hash(failed("a", 1)) != fingerprint_hash(failed("a", 2))
