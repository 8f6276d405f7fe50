"""The executor's connection to the LLM and web modules: calldata messages over WebSocket (spec/executor.md 1.7).

Opened when a module is first asked, one request at a time. The first message names the run; every other one is
answered once.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from .. import calldata
from ..calldata import Value
from ..errors import EnvironmentProblem

if TYPE_CHECKING:  # else imported when a module is asked: most runs ask none
    from websockets.sync.client import ClientConnection

CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 600.0  # a prompt may wait for several models in turn
MESSAGE_BYTES_MAX: Final = 64 << 20  # a page's screenshot is a few MiB
STATS: Final = calldata.encode("GetStats")


class ModuleClient:
    """The modules of a node by their addresses. Threads may share it."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        hello: Value,
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """
        Args:
            addresses: name of a module -> `ws://host:port`.
            hello: the first message of every connection, a map that names the run.
        """
        self._addresses = addresses
        self._hello = calldata.encode(hello)
        self._timeout_s = answer_timeout_s
        self._open: dict[str, ClientConnection] = {}
        self._locks = {name: threading.Lock() for name in addresses}

    def call(self, module: str, message: bytes) -> bytes:
        """Send one message and wait for its answer.

        Raises:
            EnvironmentProblem: no such module, not reachable, too slow, or the connection broke.
        """
        if module not in self._addresses:
            raise EnvironmentProblem("its address is not configured")
        with self._locks[module]:
            return self._guarded(module, lambda: self._exchange(self._connection(module), message))

    def _guarded(self, module: str, work: Callable[[], bytes]) -> bytes:
        from websockets.exceptions import WebSocketException

        try:
            return work()
        except (OSError, WebSocketException, TimeoutError) as error:
            self._open.pop(module, None)
            reason = str(error) or type(error).__name__
            raise EnvironmentProblem(f"no answer from {self._addresses[module]}: {reason}") from error

    def _connection(self, module: str) -> ClientConnection:
        from websockets.sync.client import connect

        if module not in self._open:
            connection = ExitStack().enter_context(  # `finish` closes it
                connect(
                    self._addresses[module],
                    open_timeout=CONNECT_TIMEOUT_S,
                    max_size=MESSAGE_BYTES_MAX,
                    compression=None,
                    proxy=None,
                )
            )
            connection.send(self._hello)
            self._open[module] = connection
        return self._open[module]

    def _exchange(self, connection: ClientConnection, message: bytes) -> bytes:
        connection.send(message)
        answer = connection.recv(self._timeout_s)
        return answer.encode() if isinstance(answer, str) else answer

    def cancel(self) -> None:
        """End waiting requests of other threads: they fail."""
        for connection in list(self._open.values()):
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def finish(self) -> dict[str, Value]:
        """Ask each open module for its statistics, close; what they answered."""
        stats: dict[str, Value] = {}
        if not self._open:
            return stats
        from websockets.exceptions import WebSocketException

        for module, connection in self._open.items():
            with suppress(OSError, WebSocketException, TimeoutError, calldata.CalldataError), connection:
                stats[module] = calldata.decode(self._exchange(connection, STATS))
        self._open.clear()
        return stats
