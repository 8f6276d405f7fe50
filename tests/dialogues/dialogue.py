"""Plays a session that is written as rows: an event in, what comes out. Where it differs, the whole of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import unified_diff
from typing import TypeAlias

from genvm_replay.errors import ReplayError
from genvm_replay.host_bridge.session import ExecutorSession, NodeSession
from genvm_replay.journal.events import Answer, Request

EVENT: TypeAlias = bytes | Request | Answer | None
Row: TypeAlias = tuple[EVENT, Sequence[object]]
"""In: received bytes, a call of our side, or None for the end of the stream. Out: bytes, what was pulled, errors."""


def play(rows: Sequence[Row], step: Callable[[EVENT], list[object]]) -> None:
    """Play all rows, then compare."""
    expected = [line for event, out in rows for line in shown(event, out)]
    actual = [line for event, _ in rows for line in shown(event, outcome(step, event))]
    assert actual == expected, "\n" + "\n".join(
        unified_diff(expected, actual, "written", "played", n=99, lineterm="")
    )


def shown(event: EVENT, out: Sequence[object]) -> list[str]:
    return [f"> {event!r}", *(f"    {one if isinstance(one, str) else repr(one)}" for one in out)]


def outcome(step: Callable[[EVENT], list[object]], event: EVENT) -> list[object]:
    try:
        return step(event)
    except ReplayError as error:
        return [f"{type(error).__name__}: {error}"]


def executor() -> Callable[[EVENT], list[object]]:
    """The executor's side: requests become bytes, bytes become answers."""
    session = ExecutorSession()

    def step(event: EVENT) -> list[object]:
        if isinstance(event, Request):
            return [session.send(event)]
        if event is None:
            session.end("end of stream")
            return []
        assert isinstance(event, bytes)
        session.feed(event)
        answer = session.pull()
        return [] if answer is None else [answer]

    return step


def node() -> Callable[[EVENT], list[object]]:
    """The node's side: bytes become requests, answers become bytes."""
    session = NodeSession()

    def step(event: EVENT) -> list[object]:
        if isinstance(event, Answer):
            out = session.answer(event)
            following = session.pull()
            return [out] if following is None else [out, following]
        if event is None:
            session.end("end of stream")
            return []
        assert isinstance(event, bytes)
        session.feed(event)
        request = session.pull()
        return [] if request is None else [request]

    return step
