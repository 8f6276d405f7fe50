"""The executor's connection to the LLM and web modules: calldata messages over WebSocket (spec/executor.md 1.7).

Opened when a module is first asked, one request at a time. The first message names the run; every other one is
answered once. A module is not trusted: how long it may take and how much it may say are bounded, and a connection that
failed is closed at once, without the closing handshake.

A module that is just being started again is waited for, RECONNECT_S at most, until it has taken the first request of a
connection: nobody listens, it answers the handshake with 503, or it says goodbye before the request is sent. After that
nothing is asked twice: a prompt costs, and the module may have changed something.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from .. import calldata
from ..calldata import Value
from ..errors import EnvironmentProblem
from .modules import ASKS, Said, split_attempts
from .timed_socket import bound_sending

if TYPE_CHECKING:  # else imported when a module is asked: most runs ask none
    from websockets.sync.client import ClientConnection

CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 600.0  # a prompt may wait for several models in turn
RECONNECT_S: Final = 1.0
RECONNECT_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4)
STATS_TIMEOUT_S: Final = 5.0  # the result has been handed over: nobody waits for the statistics
CLOSE_TIMEOUT_S: Final = 1.0
MESSAGE_BYTES_MAX: Final = 64 << 20  # a page's screenshot is a few MiB
STATS: Final = calldata.encode("GetStats")


class ModuleClient:
    """The modules of a node by their addresses. Threads may share it."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        hello: Mapping[str, Value],
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        answer_bytes_max: int = MESSAGE_BYTES_MAX,
    ) -> None:
        """
        Args:
            addresses: name of a module -> `ws://host:port`.
            hello: the first message of every connection, a map that names the run. Where it asks for attempts
                (`asking_for_attempts`) what comes with the answers is told apart.
            connect_timeout_s: for the TCP connection, and once more for the handshake.
            answer_timeout_s: from a request to the last byte of its answer.
        """
        self._addresses = addresses
        self._hello = calldata.encode(hello)
        host_data = hello.get("host_data")
        asks = host_data.get(ASKS) if isinstance(host_data, Mapping) else None
        self._asks = asks if isinstance(asks, Mapping) else None
        self._connect_timeout_s = connect_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._answer_bytes_max = answer_bytes_max
        self._open: dict[str, ClientConnection] = {}
        self._locks = {name: threading.Lock() for name in addresses}
        self._sockets: dict[str, socket.socket] = {}
        self._state = threading.Lock()  # of the two: what `cancel` must cut
        self._cancelled = threading.Event()

    def call(self, module: str, message: bytes) -> Said:
        """Send one message and wait for its answer.

        Raises:
            EnvironmentProblem: no such module, not reachable, too slow, too large an answer, the connection broke, or
                `cancel` was called.
        """
        if module not in self._addresses:
            raise EnvironmentProblem("its address is not configured")
        from websockets.exceptions import WebSocketException

        with self._locks[module]:
            try:
                reply = self._ask(module, message).recv(self._answer_timeout_s, decode=False)
                if self._asks is None:
                    return Said(reply)
                return split_attempts(reply, keep_raw=self._asks.get("keep_raw") is True)
            except (OSError, WebSocketException, ValueError) as error:  # ValueError: it sends us elsewhere
                self._drop(module)
                reason = str(error) or type(error).__name__
                raise EnvironmentProblem(f"no answer from {self._addresses[module]}: {reason}") from error

    def _ask(self, module: str, message: bytes) -> ClientConnection:
        """Send a message; the first one of a connection once more on another, if it is sure that nobody took it."""
        from websockets.exceptions import WebSocketException

        pauses = iter(() if module in self._open else RECONNECT_PAUSES_S)
        until = time.monotonic() + RECONNECT_S
        while True:
            try:
                connection = self._connection(module)
                connection.send(message)
                return connection
            except (OSError, WebSocketException) as error:
                self._drop(module)
                pause = next(pauses, None)
                if pause is None or not _restarting(error) or time.monotonic() + pause > until:
                    raise
                if self._cancelled.wait(pause):
                    raise

    def _connection(self, module: str) -> ClientConnection:
        from websockets.sync.client import connect

        if module not in self._open:
            connection = connect(
                self._addresses[module],
                sock=self._dial(module),
                open_timeout=self._connect_timeout_s,
                ping_interval=None,  # a module that computes need not answer pings: the answer's time bounds it
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=self._answer_bytes_max,
                compression=None,
                proxy=None,
            ).__enter__()  # newer versions warn without a `with`; its end is `_drop`
            self._open[module] = connection
            with self._state:
                self._sockets[module] = connection.socket  # another one over TLS
            bound_sending(connection.socket, self._answer_timeout_s)
            connection.send(self._hello)
        return self._open[module]

    def _dial(self, module: str) -> socket.socket:
        """Connect to one of the module's addresses, so that `cancel` can end the wait."""
        from websockets.uri import parse_uri

        where = parse_uri(self._addresses[module])
        failure = OSError("no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            where.host, where.port, type=socket.SOCK_STREAM
        ):
            dialled = socket.socket(family, kind, protocol)
            dialled.settimeout(self._connect_timeout_s)
            with self._state:
                self._sockets[module] = dialled
                if self._cancelled.is_set():
                    raise OSError("the run was stopped")
            try:
                dialled.connect(address)
                dialled.settimeout(None)  # from here on the library's own bounds hold, and `bound_sending`
                return dialled
            except OSError as error:
                dialled.close()
                failure = error
        raise failure

    def _drop(self, module: str) -> None:
        """Close a connection at once; without one, nothing."""
        with self._state:
            dialled = self._sockets.pop(module, None)
        if dialled is not None:
            with suppress(OSError):
                dialled.shutdown(socket.SHUT_RDWR)
        connection = self._open.pop(module, None)
        if connection is not None:
            with suppress(OSError):
                connection.close()  # its thread ends too; there is nobody to shake hands with
        if dialled is not None:
            dialled.close()

    def cancel(self) -> None:
        """End the waiting requests of other threads: they fail, and all later ones do."""
        with self._state:
            self._cancelled.set()
            for dialled in self._sockets.values():
                with suppress(OSError):
                    dialled.shutdown(socket.SHUT_RDWR)

    def finish(self) -> dict[str, Value]:
        """Ask each open module for its statistics, unless the run was cancelled; close. Gives what they answered."""
        stats: dict[str, Value] = {}
        for module in list(self._open):
            with suppress(calldata.CalldataError):
                stats.update(self._stats(module))
            self._drop(module)
        return stats

    def _stats(self, module: str) -> dict[str, Value]:
        from websockets.exceptions import WebSocketException

        if self._cancelled.is_set():
            return {}
        connection = self._open[module]
        timeout_s = min(STATS_TIMEOUT_S, self._answer_timeout_s)
        with suppress(OSError, WebSocketException):
            connection.send(STATS)
            answer = connection.recv(timeout_s, decode=False)
            connection.close()
            return {module: calldata.decode(answer)}
        return {}


def _restarting(error: Exception) -> bool:
    """Whether the module is not there yet, or said goodbye."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    if isinstance(error, InvalidStatus):
        return error.response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, ConnectionClosed):
        return error.rcvd is not None
    return isinstance(error, ConnectionRefusedError)
