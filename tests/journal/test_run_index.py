"""The facts that runs are found by: what they say, and that a guest can't break them."""

from __future__ import annotations

import pytest
from blake3 import blake3

from genvm_replay import calldata
from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeResult,
    Event,
    GetCalldata,
    GetLeaderNondetResult,
    ModuleCall,
    PostNondetResult,
    StorageWrite,
)
from genvm_replay.journal.run_columns import moment_of
from genvm_replay.journal.run_index import TEXT_CHARS_MAX, NondetAnswer, SlotWrites, printable

from .samples import each_kind, many_events, record

SLOT, OTHER = b"\x01" * 32, b"\x02" * 32
RESULT = b"\x00" + calldata.encode("yes")


def test_what_is_kept() -> None:
    """The method, slots with their last write, answers with their place; in segments that were closed early, too."""
    filler = many_events(2000)
    said = calldata.encode({"Ok": {"text": "a page"}})
    content = [
        Event(GetCalldata(), Answer(0, calldata.encode({"method": "vote", "args": [1]}))),
        Event(StorageWrite(SLOT, 0, b"abc"), OK),
        *[event for event in filler if not isinstance(event.request, StorageWrite | PostNondetResult)][:1500],
        Event(StorageWrite(SLOT, 4, b"de"), OK),
        Event(StorageWrite(OTHER, 0, b"f"), OK),
        Event(PostNondetResult(0, RESULT), OK),
        Event(GetLeaderNondetResult(1), Answer(0, b"\x02timeout")),
        Event(GetLeaderNondetResult(2), Answer(0, b"\x03")),
    ]
    index = record({"main": content, "nondet:0": [Event(ModuleCall("web", b""), Answer(0, said))]}).index
    last = next(i for i, event in enumerate(content) if event.request == StorageWrite(SLOT, 4, b"de"))
    assert index.method == "vote"
    assert index.slots[SLOT] == SlotWrites(SLOT, 2, 5, last)
    assert index.slots[OTHER] == SlotWrites(OTHER, 1, 1, last + 1)
    ours = [answer for answer in index.answers if answer.seq >= last or answer.line != "main"]
    assert ours == [
        NondetAnswer("main", last + 2, "own", 0, 0, len(RESULT), blake3(RESULT).digest(), "yes"),
        NondetAnswer("main", last + 3, "leader", 1, 2, 8, blake3(b"\x02timeout").digest(), "timeout"),
        NondetAnswer("nondet:0", 0, "web", None, None, len(said), blake3(said).digest(), "a page"),
    ]


def test_fingerprint() -> None:
    """Of errors alone: the hash of where they happened, whatever the message says."""
    frames = {"frames": [{"func": "f", "module_name": "m"}], "module_instances": {}}

    def of(code: int, message: str) -> bytes | None:
        payload = bytes((code,)) + calldata.encode({"fingerprint": frames, "message": message})
        return record({"main": [Event(ConsumeResult(payload), OK)]}).index.fingerprint

    assert of(1, "a") == of(2, "b") == blake3(calldata.encode(frames)).digest()
    assert of(0, "a") is None


@pytest.mark.parametrize(
    "content",
    [
        each_kind(),
        [
            Event(GetCalldata(), Answer(0, value))
            for value in (None, 5, b"", b"\xff" * 9, calldata.encode(["method"]))
        ],
        [Event(GetCalldata(), Answer(0, calldata.encode({"method": 5})))],
        [
            Event(ConsumeResult(payload), OK)
            for payload in (b"", b"\x01", b"\x01\xff\xff", b"\x02" + bytes(70_000))
        ],
        [
            Event(PostNondetResult(2**32 - 1, payload), OK)
            for payload in (b"", b"\x00", b"\x00\xff", b"\x01\xff\xfe")
        ],
        [
            Event(GetLeaderNondetResult(0), Answer(3, None)),
            Event(ModuleCall("x" * 99, b""), Answer(0, b"\xff")),
        ],
        [Event(GetCalldata(), Answer(0, b"\x05" * 60_000))],
    ],
)
def test_what_a_guest_may_send(content: list[Event]) -> None:
    """Nothing in an event keeps its run from being recorded; what does not decode is left out."""
    index = record({"main": content}).index
    assert all(len(answer.source) <= 8 for answer in index.answers)
    assert index.method is None or content == each_kind()


def test_texts_are_cut_and_printable() -> None:
    """No terminal is steered by them, and Postgres takes them: it has no NUL in texts."""
    assert printable("a\0b\x1b[2J\n" + "c" * 500) == "a\ufffdb\ufffd[2J\ufffd" + "c" * (TEXT_CHARS_MAX - 8)
    assert printable("\ud800") == "\ufffd"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-02T03:04:05Z", "2025-01-02T03:04:05.000000Z"),
        ("2025-01-02T03:04:05.678+01:00", "2025-01-02T02:04:05.678000Z"),
        ("2025-01-02", "2025-01-02T00:00:00.000000Z"),
        ("never\0" * 20, printable("never\0" * 20)[:32]),
    ],
)
def test_times_compare_as_text(text: str, moment: str) -> None:
    """One form for all; what is no time stays what it is, cut."""
    assert moment_of(text) == moment
