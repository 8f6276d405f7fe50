"""The connection to a module that misbehaves: an answer or an error, in bounded time and memory, and no socket left."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.server import ServerProtocol
from websockets.sync.server import ServerConnection

from genvm_replay import calldata
from genvm_replay.errors import EnvironmentProblem
from genvm_replay.host_bridge.module_client import STATS, ModuleClient

from .module_server import GUARD_S, Says, answering, serving

HELLO = {"cookie": "c", "host_data": {"node_address": "n", "tx_id": "t"}}
SHORT_S = 0.2  # for what never comes
BYTES_MAX = 1 << 20
ANSWER = b"\xff\x00 any bytes \xfe"  # no UTF-8


def client(address: str, *, answer_s: float = GUARD_S, connect_s: float = GUARD_S) -> ModuleClient:
    return ModuleClient(
        {"llm": address},
        HELLO,
        connect_timeout_s=connect_s,
        answer_timeout_s=answer_s,
        answer_bytes_max=BYTES_MAX,
    )


def fragmented(connection: ServerConnection) -> None:
    connection.send(ANSWER[n : n + 1] for n in range(len(ANSWER)))


def after_pings(connection: ServerConnection) -> None:
    """Answers once its pings are answered: whoever does not, gets nothing."""
    for number in range(3):
        assert connection.ping(bytes((number,))).wait(GUARD_S)
    connection.send(ANSWER)


GOOD: dict[str, Says] = {
    "binary frame": answering(ANSWER),
    "text frame, taken as bytes": answering(ANSWER, text=True),
    "fragments": fragmented,
    "pings before it": after_pings,
    "as large as allowed": answering(bytes(BYTES_MAX)),
    "empty": answering(b""),
}


@pytest.mark.parametrize("says", GOOD)
def test_answers(says: str) -> None:
    """After a hello and one request, both binary; whatever frames they come in (spec/executor.md 1.7)."""
    with serving(GOOD[says]) as module:
        asking = client(module.address)
        answer = asking.call("llm", b"question").reply
        assert answer == ANSWER or answer == bytes(len(answer))
        assert module.heard == [calldata.encode(HELLO), b"question"]
        asking.cancel()
        asking.finish()
        assert module.is_left()


def half_a_message(connection: ServerConnection) -> None:
    connection.socket.sendall(b"\x02\x05hello")  # not the last fragment
    connection.close()


def half_a_frame(connection: ServerConnection) -> None:
    connection.socket.sendall(b"\x82\x7d12345")
    connection.socket.shutdown(socket.SHUT_RDWR)


def half_closed(connection: ServerConnection) -> None:
    connection.socket.shutdown(socket.SHUT_WR)


def announced(connection: ServerConnection) -> None:
    connection.socket.sendall(b"\x82\x7f" + (1 << 40).to_bytes(8, "big") + b"x")


def many_fragments(connection: ServerConnection) -> None:
    connection.send(bytes(BYTES_MAX // 4) for _ in range(1000))


def broken_frame(connection: ServerConnection) -> None:
    connection.socket.sendall(b"\xff\xff\xff\xff")


BAD: dict[str, Says] = {
    "closes at once": lambda connection: connection.close(),
    "closes inside a message": half_a_message,
    "cuts inside a frame": half_a_frame,
    "half-closes": half_closed,
    "one byte too many": answering(bytes(BYTES_MAX + 1)),
    "announces a terabyte": announced,
    "fragments without end": many_fragments,
    "no frame": broken_frame,
}


@pytest.mark.parametrize("says", BAD)
def test_broken_conversations(says: str) -> None:
    """An error that names the module; the connection is closed before anybody asks for it."""
    with serving(BAD[says]) as module:
        asking = client(module.address)
        with pytest.raises(EnvironmentProblem, match=f"no answer from {module.address}"):
            asking.call("llm", b"question")
        assert module.is_left()
        assert asking.finish() == {}


def trickling(connection: ServerConnection) -> None:
    """Fragments of one byte for as long as the client listens."""
    connection.socket.sendall(b"\x02\x01x")
    while connection.recv_events_thread.is_alive():
        connection.socket.sendall(b"\x00\x01x")
        connection.recv_events_thread.join(SHORT_S / 10)


@pytest.mark.parametrize("says", [lambda _: None, trickling], ids=["silence", "a byte now and then"])
def test_slow_answers(says: Says) -> None:
    """The time counts for the whole answer."""
    with serving(says) as module:
        asking = client(module.address, answer_s=SHORT_S)
        with pytest.raises(EnvironmentProblem):
            asking.call("llm", b"question")
        assert module.is_left()


def test_a_signal_ends_the_wait() -> None:
    """`cancel` from another thread: the request fails, so do later ones, and no statistics are asked for."""
    with serving(lambda _: asking.cancel()) as module:
        asking = client(module.address)
        for _ in range(2):
            with pytest.raises(EnvironmentProblem):
                asking.call("llm", b"question")
        assert module.is_left()
        assert asking.finish() == {}
        assert module.heard[1:] == [b"question"]


def test_cancelled_before_anything_was_asked() -> None:
    """Nothing is opened any more."""
    with listening() as (address, listener):
        asking = client(address)
        asking.cancel()
        with pytest.raises(EnvironmentProblem, match="stopped"):
            asking.call("llm", b"question")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@contextmanager
def listening() -> Iterator[tuple[str, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(GUARD_S)
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}", listener


def drained(peer: socket.socket) -> bytes:
    """Everything up to the end of the stream: it ends when the client has closed its socket."""
    peer.settimeout(GUARD_S)
    data = b""
    while piece := peer.recv(1 << 20):
        data += piece
    return data


def test_a_server_that_never_accepts() -> None:
    """The handshake's time ends it."""
    with listening() as (address, listener):
        with pytest.raises(EnvironmentProblem):
            client(address, connect_s=SHORT_S).call("llm", b"question")
        with listener.accept()[0] as peer:
            assert drained(peer).startswith(b"GET / HTTP/1.1\r\n")


HTTP: dict[str, bytes] = {
    "an error page": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "somewhere else": b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"\x00\xff\r\n\r\n",
    "the end": b"",
    "headers without end": b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 10_000,
}


@pytest.mark.parametrize("page", HTTP)
def test_no_web_socket_server(page: str) -> None:
    """Any HTTP answer but the expected one is an error at once."""
    with listening() as (address, listener):
        asking = client(address)
        left: list[bytes] = []

        def serve_once() -> None:
            with listener.accept()[0] as peer:
                peer.recv(1 << 16)
                peer.sendall(HTTP[page])
                peer.shutdown(socket.SHUT_WR)
                left.append(drained(peer))

        thread = threading.Thread(target=serve_once)
        thread.start()
        with pytest.raises(EnvironmentProblem):
            asking.call("llm", b"question")
        thread.join()
        assert left


def test_a_server_that_never_reads() -> None:
    """A request that can't be sent ends too."""
    with listening() as (address, listener):
        gone = threading.Event()

        def shake_hands_only() -> None:
            with listener.accept()[0] as peer:
                protocol = ServerProtocol()
                protocol.receive_data(peer.recv(1 << 16))
                [request] = protocol.events_received()
                protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
                peer.sendall(b"".join(protocol.data_to_send()))
                assert gone.wait(GUARD_S)

        thread = threading.Thread(target=shake_hands_only)
        thread.start()
        with pytest.raises(EnvironmentProblem):
            client(address, answer_s=SHORT_S).call("llm", bytes(64 << 20))
        gone.set()
        thread.join()


@pytest.mark.parametrize("address", ["ws://127.0.0.1:1", "http://127.0.0.1", "ws://[::1", "nonsense", ""])
def test_addresses_that_lead_nowhere(address: str) -> None:
    """Nobody listens, or it is no address."""
    with pytest.raises(EnvironmentProblem):
        client(address).call("llm", b"question")


def test_a_new_connection_after_a_failure() -> None:
    """Says hello again."""
    with serving(lambda connection: connection.close()) as module:
        asking = client(module.address)
        for _ in range(2):
            with pytest.raises(EnvironmentProblem):
                asking.call("llm", b"question")
        assert module.heard == [calldata.encode(HELLO), b"question"] * 2


STATISTICS = {
    "calldata": (calldata.encode({"Ok": 1}), {"llm": {"Ok": 1}}),
    "no calldata": (b"\x07", {}),
}


@pytest.mark.parametrize("kind", STATISTICS)
def test_statistics(kind: str) -> None:
    """Asked at the end; any calldata will do, and nothing depends on it."""
    answer, stats = STATISTICS[kind]

    def says(connection: ServerConnection) -> None:
        connection.send(ANSWER)
        module.heard.append(connection.recv())
        connection.send(answer)

    with serving(says) as module:
        asking = client(module.address)
        asking.call("llm", b"question")
        assert asking.finish() == stats
        assert module.heard[-1] == STATS
        assert module.is_left()


def test_statistics_that_never_come() -> None:
    """Are not waited for."""
    with serving(answering(ANSWER)) as module:
        asking = client(module.address, answer_s=SHORT_S)
        assert asking.call("llm", b"question").reply == ANSWER
        assert asking.finish() == {}
        assert module.is_left()
