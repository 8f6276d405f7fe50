"""A module that does what a test says: the `websockets` server on loopback, real frames over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Says = Callable[[ServerConnection], None]
GUARD_S = 30.0  # never waited for where things are right


class ModuleServer:
    """Runs `says` on each connection after its hello and first request, then waits until the client has closed it."""

    def __init__(self, says: Says, address: str = "") -> None:
        self.address = address
        self.heard: list[bytes | str] = []
        self._says = says
        self._closed = threading.Event()

    def handle(self, connection: ServerConnection) -> None:
        """One connection."""
        with suppress(ConnectionClosed, OSError):
            self.heard += [connection.recv(), connection.recv()]
            self._says(connection)
            while True:
                connection.recv()
        connection.recv_events_thread.join()  # ends when the TCP connection has
        self._closed.set()

    def is_left(self) -> bool:
        """Whether the client closes the connection by itself."""
        return self._closed.wait(GUARD_S)


@contextmanager
def serving(says: Says) -> Iterator[ModuleServer]:
    """A module on a free port."""
    module = ModuleServer(says)
    with serve(module.handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        module.address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield module
        finally:
            server.shutdown()
            thread.join()


def answering(*messages: bytes, text: bool = False) -> Says:
    """Say each of these, in a frame of its own."""

    def says(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message, text=text)

    return says
