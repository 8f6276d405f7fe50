"""Recording a run: lines, root, and the promise that equal runs have equal roots."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from genvm_replay.errors import JournalError, UsageError
from genvm_replay.journal import chain
from genvm_replay.journal.events import OK, Event, ReadClock, WriteStream
from genvm_replay.journal.record import encode_struct
from genvm_replay.journal.recorder import LINE_NAME_BYTES_MAX, RunRecorder

from .samples import FOOTER, HEADER, changed, each_kind, many_events, record

LINES = {"main": many_events(1500), "nondet:0": each_kind(), "nondet:1": []}


def test_root_binds_everything() -> None:
    """The root is what chain.py says, over header, lines and footer."""
    finished = record(LINES)
    assert [line.name for line in finished.lines] == ["main", "nondet:0"]
    assert finished.event_count == 1500 + len(each_kind())
    genesis = chain.genesis(encode_struct(HEADER))
    assert finished.root == chain.root(genesis, chain.encode_lines(finished.lines), encode_struct(FOOTER))
    assert finished.stored_bytes == sum(len(s.data) + len(s.tags) + len(s.leaves) for s in finished.segments)


def test_equal_runs_have_equal_roots() -> None:
    """Not the order in which lines were opened, nor how they interleave, but their contents count."""
    recorder = RunRecorder(HEADER)
    second, first = recorder.line("nondet:0"), recorder.line("main")
    for i in range(1500):
        if i < len(LINES["nondet:0"]):
            second.append(LINES["nondet:0"][i].request, LINES["nondet:0"][i].answer)
        first.append(LINES["main"][i].request, LINES["main"][i].answer)
    assert recorder.finish(FOOTER).root == record(LINES).root


def test_different_runs_have_different_roots() -> None:
    """Any event, line name, header or footer field changes the root."""
    roots = {
        record(LINES).root,
        record({**LINES, "main": LINES["main"][:-1]}).root,
        record({"main": LINES["main"], "nondet:2": LINES["nondet:0"]}).root,
        record(LINES, header=type(HEADER)(**{**_fields(HEADER), "permissions": "r"})).root,
        record(LINES, footer=type(FOOTER)(**{**_fields(FOOTER), "payload": b"\1"})).root,
        record({}).root,
    }
    assert len(roots) == 6
    assert changed(b"") != b""


def test_payloads_are_kept_once() -> None:
    """The same web page in two lines is one payload."""
    page = Event(WriteStream(1, b"<html>" * 2000), OK)
    finished = record({"main": [page, page], "nondet:0": [page]})
    assert len(finished.blobs) == 1
    assert finished.raw_bytes < 13_000
    assert list(finished.open().read_line("nondet:0")) == [page]


def test_lines_are_opened_once_and_closed_together() -> None:
    """The same name gives the same writer; a finished run opens no more lines and takes no more events."""
    recorder = RunRecorder(HEADER)
    line = recorder.line("main")
    assert recorder.line("main") is line
    recorder.finish(FOOTER)
    with pytest.raises(JournalError, match="finished"):
        line.append(ReadClock(0), OK)
    with pytest.raises(JournalError, match="finished"):
        recorder.line("nondet:0")


@pytest.mark.parametrize("name", ["", "header", "footer", "x" * (LINE_NAME_BYTES_MAX + 1)])
def test_names_that_are_no_lines(name: str) -> None:
    """`header` and `footer` mean the run's own fields in reports."""
    with pytest.raises(UsageError, match="name of a line"):
        RunRecorder(HEADER).line(name)


def _fields(facts: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__struct_fields__}


def test_a_root_alone_is_the_same_root() -> None:
    """Of a run that is not kept nothing is compressed or indexed; events can be taken from another record in one go."""
    kept, root_only = RunRecorder(HEADER), RunRecorder(HEADER, only_root=True)
    events = many_events(3000)
    for event in events:
        kept.line("main").append(event.request, event.answer)
    for begin in range(0, len(events), 700):
        root_only.line("main").extend(events[begin : begin + 700])
    one, other = kept.finish(FOOTER), root_only.finish(FOOTER)
    assert one.root == other.root
    assert not any(segment.data for segment in other.segments)
    assert not other.index.slots
