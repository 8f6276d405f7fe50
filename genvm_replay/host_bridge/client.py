"""The executor's side of the host protocol over a blocking socket (spec/executor.md 1.1).

A `Host` like the local one, only that somebody else is behind it. Each request goes out in one write, so there is
nothing to flush. What goes wrong with the connection ends in `HostLost` within the timeout, never in a bare OSError.
"""

from __future__ import annotations

import threading
from socket import socket
from time import monotonic
from types import TracebackType
from typing import Final

from ..errors import HostLost, LocalProtocolError, ReplayError
from ..journal.events import OK, Answer, Request
from .funnel import Funnel
from .limits import DEFAULT_LIMITS, RECEIVE_BYTES, Limits
from .session import ExecutorSession
from .timed_socket import TimedSocket
from .transport import dial, parse_uri, reason_of
from .wire import method_of

ANSWER_TIMEOUT_S: Final = 300.0  # a node may ask another chain before it answers
CONNECT_TIMEOUT_S: Final = 10.0


class HostClient(Funnel):
    """One session with a host. Requests of several threads go out whole, one after the other."""

    def __init__(
        self, connection: socket, timeout_s: float = ANSWER_TIMEOUT_S, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        """
        Args:
            connection: a connected stream socket; the client owns it from now on.
            timeout_s: for sending one request, and for its whole answer.
        """
        self._socket = TimedSocket(connection, receive_s=timeout_s, send_s=timeout_s)
        self._timeout_s = timeout_s
        self._session = ExecutorSession(limits)
        self._lock = threading.Lock()
        self._buffer = memoryview(bytearray(RECEIVE_BYTES))
        self._closed = ""  # why, once the connection is given up

    def ask(self, request: Request) -> Answer:
        """Send a request and wait for its answer; OK at once where the protocol has none.

        Raises:
            HostLost: the host went away, stalled, or `cancel` was called. The session is over.
            PeerProtocolError: the host broke the protocol. The session is over.
            LocalProtocolError: the request is out of turn or can't be sent. Nothing was sent.
        """
        with self._lock:
            if self._closed or self._session.done:
                raise self._refusal(method_of(request).name)
            try:
                if self._socket.has_news():
                    self._hear_out_of_turn(request)
                self._socket.send(self._session.send(request))
                return self._receive() if self._session.waiting else OK
            except LocalProtocolError:
                raise  # nothing was sent: the session goes on
            except OSError as error:
                raise self._given_up(reason_of(error)) from error
            except BaseException as error:
                self._given_up(str(error) or type(error).__name__)
                raise

    def cancel(self) -> None:
        """End the session from another thread: a request that waits for its answer fails at once."""
        self._closed = self._closed or "cancelled"
        self._socket.cut()

    def close(self) -> None:
        """Close the connection. There is no farewell in the protocol."""
        self.cancel()
        with self._lock:
            self._socket.close()

    def __enter__(self) -> HostClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refusal(self, name: str) -> ReplayError:
        if self._session.done:
            return LocalProtocolError(f"{name} is out of turn: the result was handed over")
        return HostLost(name, 0, f"the connection is closed: {self._closed}")

    def _hear_out_of_turn(self, request: Request) -> None:
        """The host speaks before the request was sent: what it says would be taken for the answer."""
        size = self._socket.receive(self._buffer)
        if size == 0:
            raise HostLost(method_of(request).name, 0, self._closed or "end of stream")
        self._session.feed(self._buffer[:size])

    def _receive(self) -> Answer:
        """Wait for an answer. Most come whole with the first read; the deadline is for those that do not."""
        session, buffer = self._session, self._buffer
        deadline_s = monotonic() + self._timeout_s
        wait_s = None
        while True:
            size = self._socket.receive(buffer, wait_s)
            if size == 0:
                raise session.break_off(self._closed or "end of stream")
            session.feed(buffer[:size])
            answer = session.pull()
            if answer is not None:
                return answer
            wait_s = deadline_s - monotonic()

    def _given_up(self, reason: str) -> HostLost:
        """Close the connection; what to raise if nothing better is known."""
        self._closed = self._closed or reason
        self._socket.close()
        lost = self._session.break_off(self._closed)
        assert isinstance(lost, HostLost)
        return lost


def connect(uri: str, timeout_s: float = ANSWER_TIMEOUT_S, limits: Limits = DEFAULT_LIMITS) -> HostClient:
    """Connect to a host at `unix://path` or `host:port`.

    Raises:
        HostLost: nothing answers there.
        UsageError: malformed address.
    """
    return HostClient(dial(parse_uri(uri), min(timeout_s, CONNECT_TIMEOUT_S)), timeout_s, limits)
