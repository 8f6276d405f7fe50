"""Bytes that come in pieces: no attempt before it can succeed, no copy of what was announced too large."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.host_bridge.inbox import Inbox, Unfit, slice_bytes


def two_slices(inbox: Inbox, attempts: list[int]) -> tuple[bytes, bytes]:
    attempts.append(len(inbox))
    return inbox.take_slice(1000), inbox.take_slice(1000)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_few_attempts(one: bytes, other: bytes) -> None:
    """One for each piece that was missing, however many bytes it has."""
    inbox, attempts = Inbox(), []
    data = slice_bytes(one, 1000) + slice_bytes(other, 1000)
    for at in range(len(data) - 1):
        inbox.feed(data[at : at + 1])
        assert inbox.pull(two_slices, attempts) is None
    inbox.feed(data[-1:] + b"next")
    assert inbox.pull(two_slices, attempts) == (one, other)
    assert len(attempts) <= 5
    assert (len(inbox), inbox.first()) == (4, ord("n"))


def test_what_is_announced_too_large_is_refused_at_once() -> None:
    """With the length, before its bytes."""
    inbox = Inbox()
    inbox.feed(b"\xe9\3\0\0")
    with pytest.raises(Unfit, match="1001 bytes is announced, limit 1000"):
        inbox.pull(two_slices, [])


@pytest.mark.parametrize("value", ["text", None, 5, bytearray(1), bytes(11)])
def test_what_is_no_slice(value: object) -> None:
    """Only bytes within the limit are."""
    with pytest.raises(Unfit):
        slice_bytes(value, 10)
