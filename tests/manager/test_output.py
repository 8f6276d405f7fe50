"""Captured output is bounded, and says where it was cut; a log is read line by line."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.manager.output import LINE_BYTES_MAX, HeadAndTail, LogLines, read_line


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 20))
def test_head_and_tail_are_kept(parts: list[bytes], half: int) -> None:
    """However it arrives: all of it where it fits, else both ends and how much is missing."""
    kept, whole = HeadAndTail(2 * half), b"".join(parts)
    for part in parts:
        kept.feed(part)
    cut = len(whole) - 2 * half
    mark = f"\n[{cut} bytes were cut here]\n".encode()
    expected = whole if cut <= 0 else whole[:half] + mark + whole[-half:]
    assert kept.text() == expected.decode(errors="replace")
    assert kept.text() == expected.decode(errors="replace"), "asking changes nothing"


@given(st.lists(st.text(max_size=10).filter(lambda text: text.strip()), max_size=10), st.integers(1, 7))
def test_lines_survive_any_split(texts: list[str], step: int) -> None:
    """JSON objects as such, everything else as the message of one."""
    data = b"".join(json.dumps({"m": text}).encode() + b"\n" for text in texts) + b'7\nplain\n{"a": \n\n'
    told: list[object] = []
    log = LogLines(told.append)
    for at in range(0, len(data), step):
        log.feed(data[at : at + step])
    rest = [{"level": "info", "message": text} for text in ("7", "plain", '{"a": ')]
    assert told == log.lines() == [*({"m": text} for text in texts), *rest]


def test_a_long_log_keeps_its_ends() -> None:
    """And all of it is told to whoever listens; a line without an end is cut, and is one all the same."""
    told: list[object] = []
    log = LogLines(told.append, 200)
    for number in range(100):
        log.feed(b'{"n": %d}\n' % number)
    kept = log.lines()
    cut = next(place for place, line in enumerate(kept) if "n" not in line)
    assert kept[0] == {"n": 0}
    assert kept[-1] == {"n": 99}
    assert kept[cut]["message"] == f"{100 - len(kept) + 1} lines of the log were cut here"
    assert len(told) == 100
    log = LogLines(told.append)
    for _ in range(3):
        log.feed(b"x" * LINE_BYTES_MAX)
    log.finish()
    assert [len(line["message"]) for line in log.lines()] == [LINE_BYTES_MAX]


@pytest.mark.parametrize("line", [b'{"a": "\\ud800"}', b'{"a": ' + b"9" * 5000 + b"}", b"[" * 9999])
def test_every_line_can_be_told(line: bytes) -> None:
    """As JSON, whatever an executor writes: else nobody could read the result of its run."""
    read = read_line(line)
    assert read["message"] == line.decode()
    assert msgspec.json.decode(msgspec.json.encode(read)) == read
