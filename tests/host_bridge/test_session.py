"""The order of a session: its table, and what either side does with bytes and calls that are out of turn."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import ExecutorLost, HostLost, LocalProtocolError, PeerProtocolError
from genvm_replay.host_bridge.session import (
    EXECUTOR_SPEAKS,
    NODE_SPEAKS,
    TRANSITIONS,
    ExecutorSession,
    NodeSession,
    State,
)
from genvm_replay.host_bridge.wire import encode_answer, encode_request
from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeFuel,
    ConsumeResult,
    GetCalldata,
    NotifyNondetDisagreement,
    Request,
    StorageRead,
)

from .rows import ADDRESS, CONVERSATION, SLOT, exchanges

ASK, TELL, LAST = GetCalldata(), ConsumeFuel(7), ConsumeResult(b"\0\0")


def test_the_table_is_whole() -> None:
    """Every state is entered and left as it should be, and in each at most one side speaks."""
    assert set(TRANSITIONS.values()) == set(State) - {State.BROKEN}
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.DONE, State.BROKEN}
    assert not EXECUTOR_SPEAKS & NODE_SPEAKS
    assert set(State) - EXECUTOR_SPEAKS - NODE_SPEAKS == {State.DONE, State.BROKEN}


def test_a_conversation() -> None:
    """Both machines agree at every step."""
    executor, node = ExecutorSession(), NodeSession()
    for row in CONVERSATION:
        if executor.done:
            break
        node.feed(executor.send(row.request))
        assert node.pull() == row.request
        executor.feed(node.answer(row.answer))
        assert executor.pull() == (row.answer if row.answer_bytes else None)
        assert executor.state == node.state
    assert executor.done
    executor.end("end of stream")
    node.end("end of stream")


def asked(request: Request) -> ExecutorSession:
    session = ExecutorSession()
    session.send(request)
    return session


def heard(*requests: Request) -> NodeSession:
    """A node that has pulled the last of these and answered those before it."""
    session = NodeSession()
    for request in requests:
        if session.method:
            session.answer(OK)
        session.feed(encode_request(request))
        assert session.pull() == request
    return session


def finished() -> tuple[ExecutorSession, NodeSession]:
    executor, node = asked(LAST), heard(LAST)
    executor.feed(node.answer(OK))
    assert executor.pull() == OK
    return executor, node


@pytest.mark.parametrize(
    ("session", "data"),
    [
        (ExecutorSession(), b"\0"),  # an answer before the first question
        (asked(TELL), b"\0"),  # an answer where there is none
        (finished()[0], b"\0"),  # after the end
        (finished()[1], b"\0"),
        (heard(ASK), b"\0"),  # a request before the answer to the last one
        (heard(LAST), b"\0"),
    ],
)
def test_bytes_out_of_turn(session: ExecutorSession | NodeSession, data: bytes) -> None:
    """They break the session, and it stays broken."""
    with pytest.raises(PeerProtocolError, match="out of turn"):
        session.feed(data)
    assert session.state is State.BROKEN
    with pytest.raises(PeerProtocolError):
        session.feed(data)


@pytest.mark.parametrize("request_", [ASK, LAST])
def test_more_bytes_than_are_due(request_: Request) -> None:
    """The same where they come in one piece with what is due: an answer is not given out, a request neither."""
    executor, node = asked(request_), NodeSession()
    executor.feed(encode_answer(request_, Answer(0, b"")) + b"\0")
    node.feed(encode_request(request_) + b"\0")
    for session, method in ((executor, executor.pull), (node, node.pull)):
        with pytest.raises(PeerProtocolError, match="sent 1 bytes out of turn"):
            method()
        assert session.state is State.BROKEN


def test_requests_without_an_answer_may_be_followed_at_once() -> None:
    """consume_fuel and notify_nondet_disagreement do not make anybody wait (spec/executor.md 10)."""
    node = NodeSession()
    requests = [TELL, NotifyNondetDisagreement(2), TELL, ASK]
    node.feed(b"".join(map(encode_request, requests)))
    for request in requests[:-1]:
        assert node.pull() == request
        assert node.answer(OK) == b""
    assert node.pull() == ASK


@pytest.mark.parametrize("session", [asked(ASK), asked(LAST), finished()[0]])
@pytest.mark.parametrize("request_", [ASK, TELL, LAST])
def test_requests_out_of_turn(session: ExecutorSession, request_: Request) -> None:
    """Our own mistake changes nothing."""
    state = session.state
    with pytest.raises(LocalProtocolError, match="out of turn"):
        session.send(request_)
    assert session.state is state


def test_calls_of_the_node_out_of_turn() -> None:
    """No answer without a request, no request before the answer to the last one, also to one without an answer."""
    with pytest.raises(LocalProtocolError, match="no request"):
        NodeSession().answer(OK)
    for request in (ASK, TELL, LAST):
        with pytest.raises(LocalProtocolError, match="was not answered"):
            heard(request).pull()
    node = heard(ASK)
    with pytest.raises(LocalProtocolError):
        node.answer(Answer(9))
    assert node.answer(Answer(1)) == b"\1", "an answer that does not fit changes nothing"


@given(exchanges, st.integers(0, 10**6))
def test_the_end_of_the_stream(exchange: tuple[Request, Answer], cut: int) -> None:
    """Anywhere before the end of the session, the error says where."""
    request, answer = exchange
    sent, received = encode_request(request), encode_answer(request, answer)
    executor, node = asked(request), NodeSession()
    name = type(request).__struct_config__.tag.removesuffix("/1")  # type: ignore[union-attr]
    if received:
        at = cut % len(received)
        executor.feed(received[:at])
        assert executor.pull() is None
        with pytest.raises(HostLost) as lost:
            executor.end("end of stream")
        assert (lost.value.method, lost.value.at) == (name, at)
        assert f"in {name}, at byte {at}: end of stream" in str(lost.value)
    at = cut % len(sent)
    node.feed(sent[:at])
    assert node.pull() is None
    with pytest.raises(ExecutorLost) as gone:
        node.end("end of stream")
    assert (gone.value.method, gone.value.at) == (name if at else "", at)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), exchanges)
def test_garbage(parts: list[bytes], exchange: tuple[Request, Answer]) -> None:
    """Whatever a peer sends, and however it is split: what it says, or PeerProtocolError; then silence."""
    executor, node = asked(exchange[0]), NodeSession()
    with suppress(PeerProtocolError):
        for part in parts:
            executor.feed(part)
            assert isinstance(executor.pull(), Answer | None)
    with suppress(PeerProtocolError):
        for part in parts:
            node.feed(part)
            while node.pull() is not None:
                node.answer(Answer(1))
    for session in (executor, node):
        if session.state is State.BROKEN:
            assert session.pull() is None


def test_a_broken_session_is_over() -> None:
    """Nothing works in it any more, and nothing but our errors comes out."""
    executor, node = asked(ASK), heard(ASK)
    executor.break_off("cancelled")
    node.break_off("closed")
    assert executor.pull() is None
    assert node.pull() is None
    with pytest.raises(LocalProtocolError):
        executor.send(ASK)
    with pytest.raises(LocalProtocolError):
        node.answer(OK)
    executor = asked(StorageRead(0, ADDRESS, SLOT, 0, 4))
    executor.feed(b"\7")
    with pytest.raises(PeerProtocolError):
        executor.pull()
    assert executor.pull() is None
