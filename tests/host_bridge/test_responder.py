"""The node's side without a socket: received bytes in, bytes to send out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.host_bridge.dispatch import RecordingHost
from genvm_replay.host_bridge.responder import Responder, SessionReport

from .rows import CONVERSATION, one_by_one, pieces
from .sockets import ScriptedHost


@given(st.lists(st.integers(0, 500), max_size=6))
def test_a_conversation_under_any_split(cuts: list[int]) -> None:
    """The answer comes with the last byte of its request and not before."""
    host = RecordingHost(ScriptedHost(CONVERSATION))
    responder = Responder(host)
    for row in CONVERSATION:
        *early, last = pieces(row.request_bytes, cuts)
        assert all(responder.receive(piece) == b"" and responder.request_begun for piece in early)
        assert responder.receive(last) == row.answer_bytes
        assert not responder.request_begun
    assert host.exchanges == [(row.request, row.answer) for row in CONVERSATION]
    assert responder.report() == SessionReport(finished=True, requests=len(CONVERSATION))


def test_what_needs_no_answer_is_not_waited_for() -> None:
    """Several requests in one piece, as long as nobody has to wait for an answer in between."""
    silent = [row for row in CONVERSATION if not row.answer_bytes]
    asking = CONVERSATION[0]
    responder = Responder(ScriptedHost([*silent, asking]))
    data = b"".join(row.request_bytes for row in [*silent, asking])
    assert b"".join(map(responder.receive, one_by_one(data))) == asking.answer_bytes
    responder = Responder(ScriptedHost([*silent, asking]))
    assert responder.receive(data) == asking.answer_bytes
