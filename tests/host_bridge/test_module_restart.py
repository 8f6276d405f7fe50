"""A module that is just being started again is waited for until it has taken a request, and nothing is asked twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http import HTTPStatus

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.client import ClientConnection
from websockets.sync.server import Server, ServerConnection, serve

from genvm_replay import calldata
from genvm_replay.errors import EnvironmentProblem
from genvm_replay.host_bridge.module_client import RECONNECT_PAUSES_S, ModuleClient

from .module_server import GUARD_S, answering, serving

HELLO = {"cookie": "c", "host_data": {"node_address": "n", "tx_id": "t"}}
ATTEMPTS = 1 + len(RECONNECT_PAUSES_S)


class Watched(ModuleClient):
    """Counts its connections; `between` comes between the hello and the request, `refused` after a failed dial."""

    def __init__(
        self,
        address: str,
        between: Callable[[ClientConnection], object] = lambda _: None,
        refused: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__({"llm": address}, HELLO, answer_timeout_s=GUARD_S)
        self.dialled = 0
        self._between, self._refused = between, refused

    def _dial(self, module: str) -> socket.socket:
        self.dialled += 1
        try:
            return super()._dial(module)
        except OSError:
            self._refused()
            raise

    def _connection(self, module: str) -> ClientConnection:
        connection = super()._connection(module)
        self._between(connection)
        return connection


def test_nobody_listens_yet() -> None:
    """The next attempt finds it."""
    started: list[Server] = []

    def come_up() -> None:
        bound.listen()
        started.append(serve(answer, sock=bound))
        threading.Thread(target=started[0].serve_forever).start()

    with socket.socket() as bound:  # nobody else gets the port, and it refuses until it listens
        bound.bind(("127.0.0.1", 0))
        asking = Watched(f"ws://127.0.0.1:{bound.getsockname()[1]}", refused=come_up)
        assert asking.call("llm", b"question").reply == b"answer"
        assert asking.dialled == 2
        asking.finish()
        started[0].shutdown()


def answer(connection: ServerConnection) -> None:
    connection.recv()
    connection.recv()
    connection.send(b"answer")
    connection.recv()


def test_nobody_ever_listens() -> None:
    """The wait is bounded, and ends at once when the run is stopped."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"ws://127.0.0.1:{bound.getsockname()[1]}"
        asking = Watched(address)
        with pytest.raises(EnvironmentProblem, match="refused"):
            asking.call("llm", b"question")
        assert asking.dialled == ATTEMPTS

        def stop() -> None:
            stopped.cancel()

        stopped = Watched(address, refused=stop)
        with pytest.raises(EnvironmentProblem):
            stopped.call("llm", b"question")
        assert stopped.dialled == 1


def test_too_many_connections_for_the_moment() -> None:
    """503 is what a module says that is full, or about to end."""
    refusals = [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE]

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        return connection.respond(refusals.pop(), "") if refusals else None

    with serve(answer, "127.0.0.1", 0, process_request=refuse) as server:
        threading.Thread(target=server.serve_forever).start()
        asking = Watched(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        assert asking.call("llm", b"question").reply == b"answer"
        assert asking.dialled == 3
        asking.finish()
        server.shutdown()


def test_goodbye_before_the_first_request() -> None:
    """It has not taken the request: another connection, another hello."""
    heard: list[bytes | str] = []

    def greet(connection: ServerConnection) -> None:
        heard.append(connection.recv())
        if len(heard) == 1:
            return
        heard.append(connection.recv())
        connection.send(b"answer")
        connection.recv()

    def wait_for_goodbye(connection: ClientConnection) -> None:
        if asking.dialled == 1:
            with pytest.raises(ConnectionClosed):
                connection.recv(GUARD_S)

    with serve(greet, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever).start()
        asking = Watched(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", between=wait_for_goodbye)
        assert asking.call("llm", b"question").reply == b"answer"
        asking.finish()
        server.shutdown()
    assert heard == [calldata.encode(HELLO), calldata.encode(HELLO), b"question"]


def test_goodbye_after_a_request() -> None:
    """Nobody knows what it has done: nothing is asked twice, neither then nor for a later request."""
    with serving(lambda connection: connection.close()) as module:
        asking = Watched(module.address)
        with pytest.raises(EnvironmentProblem):
            asking.call("llm", b"question")
        assert asking.dialled == 1

    with serving(answering(b"answer")) as module:
        asking = Watched(module.address)
        asking.call("llm", b"question")
        asking._open["llm"].close()
        with pytest.raises(EnvironmentProblem):
            asking.call("llm", b"another")
        assert asking.dialled == 1
        assert module.heard == [calldata.encode(HELLO), b"question"]
