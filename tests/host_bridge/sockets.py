"""Peers on real sockets for tests: addresses, a host that follows a script, an executor that breaks off."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from genvm_replay.host_bridge.funnel import Funnel
from genvm_replay.host_bridge.transport import Listener, parse_uri
from genvm_replay.journal.events import Answer, Request

from .rows import Row

BOUND_S = 5.0  # nothing in these tests may take as long


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """That many bytes, or fewer at the end of the stream."""
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def reset(connection: socket.socket) -> None:
    """Close as a killed process on another machine does: the peer gets an error, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def fake_host(uri: str, script: Callable[[socket.socket], None]) -> Iterator[str]:
    """A host that does what the script does with its one connection; gives its address."""
    listener = Listener(parse_uri(uri))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with closing(listener.accept(BOUND_S)) as connection:
                connection.settimeout(BOUND_S)
                script(connection)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.endpoint.uri
    finally:
        thread.join(BOUND_S)
        listener.close()
    assert not thread.is_alive(), "the fake host hangs"
    assert not errors, errors


def host_that_stops(
    rows: Sequence[Row], cut: int, end: Callable[[socket.socket], None]
) -> Callable[[socket.socket], None]:
    """A script: answer these rows, but only `cut` bytes in all; then `end`."""

    def script(connection: socket.socket) -> None:
        left = cut
        for row in rows:
            if len(receive_exactly(connection, len(row.request_bytes))) < len(row.request_bytes):
                break
            connection.sendall(row.answer_bytes[:left])
            left -= len(row.answer_bytes)
            if left < 0:
                break
        end(connection)

    return script


def executor_that_stops(connection: socket.socket, rows: Sequence[Row], cut: int) -> None:
    """Ask what these rows ask, but send only `cut` bytes in all."""
    left = cut
    for row in rows:
        connection.sendall(row.request_bytes[:left])
        left -= len(row.request_bytes)
        if left < 0:
            return
        assert receive_exactly(connection, len(row.answer_bytes)) == row.answer_bytes


class ScriptedHost(Funnel):
    """Gives the answers of these rows, in order, and insists on their requests."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = iter(rows)

    def ask(self, request: Request) -> Answer:
        row = next(self._rows)
        assert request == row.request
        return row.answer


@pytest.fixture(params=["unix", "tcp", "tcp6"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A free address of each kind."""
    if request.param == "tcp6":
        with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return "[::1]:0"
        pytest.skip("no IPv6 here")
    return f"unix://{tmp_path}/host" if request.param == "unix" else "127.0.0.1:0"
