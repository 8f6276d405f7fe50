"""Whose turn it is: the order of a session as a table, and the two machines that keep it (spec/executor.md 1.1, 1.3).

`ExecutorSession` turns requests into bytes and bytes into answers, `NodeSession` the other way round. Both are fed what
arrived and asked what it means; neither knows a socket. Requests are strictly sequential: a byte that comes while it is
not its sender's turn breaks the protocol, and so does anything after consume_result was acknowledged.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ..errors import ConnectionLost, ExecutorLost, HostLost, LocalProtocolError, PeerProtocolError
from ..journal.events import Answer, Request
from .inbox import Bytes, Inbox
from .limits import DEFAULT_LIMITS, Limits
from .methods import BY_REQUEST, METHODS, Method
from .replies import ACKNOWLEDGEMENT, NOTHING
from .wire import decode_answer, decode_request, encode_answer, encode_request


class State(IntEnum):
    """How far a session is."""

    IDLE = 0  # the executor's turn
    ASKED = 1  # the node's turn
    TOLD = 2  # the node's turn, which it takes without a byte
    ENDING = 3  # the result was handed over, the node's turn
    DONE = 4  # the result was acknowledged: nothing may follow
    BROKEN = 5  # one side broke the protocol or went away


class Move(IntEnum):
    """What happens in a session."""

    ASK = 0
    TELL = 1  # a method without an answer
    HAND_OVER = 2  # consume_result
    ANSWER = 3


TRANSITIONS: Final[dict[tuple[State, Move], State]] = {
    (State.IDLE, Move.ASK): State.ASKED,
    (State.IDLE, Move.TELL): State.TOLD,
    (State.IDLE, Move.HAND_OVER): State.ENDING,
    (State.ASKED, Move.ANSWER): State.IDLE,
    (State.TOLD, Move.ANSWER): State.IDLE,
    (State.ENDING, Move.ANSWER): State.DONE,
}
NODE_SPEAKS: Final = frozenset({State.ASKED, State.ENDING})
EXECUTOR_SPEAKS: Final = frozenset({State.IDLE, State.TOLD})


def _move_of(method: Method) -> Move:
    """How a method moves a session."""
    return {id(NOTHING): Move.TELL, id(ACKNOWLEDGEMENT): Move.HAND_OVER}.get(id(method.reply), Move.ASK)


MOVES: Final[dict[type[Request], Move]] = {method.request: _move_of(method) for method in METHODS}


class Session:
    """What both sides share: state, received bytes, and the request that waits for its answer."""

    peer = "peer"
    peer_speaks: frozenset[State] = frozenset()
    lost: type[ConnectionLost] = ConnectionLost

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._inbox = Inbox()
        self._request: Request | None = None
        self.state = State.IDLE

    @property
    def done(self) -> bool:
        """Whether the result was handed over and acknowledged."""
        return self.state is State.DONE

    @property
    def received(self) -> int:
        """How many bytes of what is due have arrived."""
        return len(self._inbox)

    @property
    def method(self) -> str:
        """Name of the method that is under way; "" between two."""
        if self._request is not None:
            return BY_REQUEST[type(self._request)].name
        number = self._inbox.first()
        return METHODS[number].name if number is not None and number < len(METHODS) else ""

    def feed(self, data: Bytes) -> None:
        """Add received bytes; then `pull`.

        Raises:
            PeerProtocolError: it is not the other side's turn.
        """
        if self.state not in self.peer_speaks and data:
            raise self._out_of_turn(len(data))
        self._inbox.feed(data)

    def end(self, reason: str) -> None:
        """The connection has ended: fine once the session is done.

        Raises:
            ConnectionLost: before that. HostLost at the executor, ExecutorLost at the node.
        """
        if self.state is not State.DONE:
            raise self.break_off(reason)

    def break_off(self, reason: str) -> ConnectionLost:
        """Give the session up; the error says where it was."""
        error = self.lost(self.method, self.received, reason)
        self.state, self._request = State.BROKEN, None
        return error

    def _out_of_turn(self, size: int) -> PeerProtocolError:
        """Give the session up because bytes came while it was not the other side's turn."""
        at = f" in {self.method}" if self._request is not None else ""
        state, self.state, self._request = self.state.name.lower(), State.BROKEN, None
        return PeerProtocolError(f"the {self.peer} sent {size} bytes out of turn{at}: the session is {state}")


class ExecutorSession(Session):
    """The executor's side: `send` a request, `feed` what arrives, `pull` the answer."""

    peer = "host"
    peer_speaks = NODE_SPEAKS
    lost = HostLost

    @property
    def waiting(self) -> bool:
        """Whether an answer is due."""
        return self.state in NODE_SPEAKS

    def send(self, request: Request) -> bytes:
        """The bytes of a request. Nothing has changed if this fails.

        Raises:
            LocalProtocolError: it is not the executor's turn, or the wire can't carry the request.
        """
        data = encode_request(request, self._limits)
        state = TRANSITIONS.get((self.state, MOVES[type(request)]))
        if state is None:
            name = BY_REQUEST[type(request)].name
            raise LocalProtocolError(f"{name} is out of turn: the session is {self.state.name.lower()}")
        if state is State.TOLD:
            state = TRANSITIONS[state, Move.ANSWER]
        else:
            self._request = request
        self.state = state
        return data

    def pull(self) -> Answer | None:
        """The answer to the last request; None while its last byte is missing, or where none is due.

        Raises:
            PeerProtocolError: the host sent no such answer, or more than it.
        """
        request = self._request
        if request is None or self.state not in NODE_SPEAKS:
            return None
        try:
            answer = self._inbox.pull(decode_answer, request, self._limits)
        except PeerProtocolError:
            self.state = State.BROKEN
            raise
        if answer is not None:
            self.state = TRANSITIONS[self.state, Move.ANSWER]
            if len(self._inbox):
                raise self._out_of_turn(len(self._inbox))
            self._request = None
        return answer


class NodeSession(Session):
    """The node's side: `feed` what arrives, `pull` a request, `answer` it."""

    peer = "executor"
    peer_speaks = EXECUTOR_SPEAKS
    lost = ExecutorLost

    def pull(self) -> Request | None:
        """The next request; None while its last byte is missing. Each is answered before the next, also a TELL.

        Raises:
            PeerProtocolError: the executor sent no such request, or did not wait for its answer.
            LocalProtocolError: the last request was not answered.
        """
        if self._request is not None:
            raise LocalProtocolError(f"{self.method} was not answered")
        if self.state is not State.IDLE:
            return None
        try:
            request = self._inbox.pull(decode_request, self._limits)
        except PeerProtocolError:
            self.state = State.BROKEN
            raise
        if request is not None:
            self._request = request
            self.state = TRANSITIONS[self.state, MOVES[type(request)]]
            if len(self._inbox) and self.state not in EXECUTOR_SPEAKS:
                raise self._out_of_turn(len(self._inbox))
        return request

    def answer(self, answer: Answer) -> bytes:
        """The bytes of the answer to the request that was pulled last; none where the protocol has no answer.

        Raises:
            LocalProtocolError: there is no such request, or the answer does not fit it. Nothing has changed.
        """
        if self._request is None:
            raise LocalProtocolError("an answer, but no request")
        data = encode_answer(self._request, answer, self._limits)
        self.state = TRANSITIONS[self.state, Move.ANSWER]
        self._request = None
        return data
