"""The executor's side on real sockets: what it says, and how every way of losing a host ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from genvm_replay.errors import HostLost, LocalProtocolError, PeerProtocolError, UsageError
from genvm_replay.host_bridge.client import HostClient, connect
from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeFuel,
    ConsumeResult,
    GetCalldata,
    StorageRead,
    StorageWrite,
)

from .rows import ADDRESS, CONVERSATION, SLOT
from .sockets import BOUND_S, fake_host, host_that_stops, receive_exactly, reset

SOON_S = 0.05
CONVERSATION = [row for row in CONVERSATION if len(row.answer_bytes) < 20]  # the long ones only take time
CONVERSATION_BYTES = sum(len(row.answer_bytes) for row in CONVERSATION)
ASK = GetCalldata()


def talk(client: HostClient) -> None:
    """The whole conversation."""
    for row in CONVERSATION:
        assert client.ask(row.request) == row.answer


def until_closed(connection: socket.socket) -> None:
    """Wait until the executor hangs up."""
    assert connection.recv(1) == b""


def test_the_conversation(uri: str) -> None:
    """Every request goes out and every answer comes back; then there is nothing more to say."""
    script = host_that_stops(CONVERSATION, 10**6, until_closed)
    with fake_host(uri, script) as address, connect(address, BOUND_S) as client:
        talk(client)
        with pytest.raises(LocalProtocolError, match="the result was handed over"):
            client.get_calldata(ASK)


@pytest.mark.parametrize("end", [lambda connection: connection.close(), reset], ids=["closed", "reset"])
def test_a_host_that_is_killed_anywhere(uri: str, end: Callable[[socket.socket], None]) -> None:
    """At every byte of the conversation: HostLost, which says where, and again for the next request."""
    for cut in range(CONVERSATION_BYTES):
        with (
            fake_host(uri, host_that_stops(CONVERSATION, cut, end)) as address,
            connect(address, BOUND_S) as client,
        ):
            with pytest.raises(HostLost) as lost:
                talk(client)
            assert lost.value.method
            assert 0 <= lost.value.at < 20
            with pytest.raises(HostLost, match="the connection is closed"):
                client.ask(ASK)


@pytest.mark.parametrize(
    ("answer", "at"),
    [(b"", 0), (b"\0", 1), (b"\0\4\0\0\0abc", 8)],
)
def test_a_host_that_stalls(uri: str, answer: bytes, at: int) -> None:
    """The timeout counts for the whole answer; the error says how far it came."""

    def script(connection: socket.socket) -> None:
        receive_exactly(connection, 1)
        connection.sendall(answer)
        until_closed(connection)

    with fake_host(uri, script) as address, connect(address, SOON_S) as client:
        begin = time.monotonic()
        with pytest.raises(HostLost, match="timed out") as lost:
            client.get_calldata(ASK)
        assert (lost.value.method, lost.value.at) == ("get_calldata", at)
        assert time.monotonic() - begin < 1


def test_a_host_that_drips(uri: str) -> None:
    """A byte now and then does not prolong the wait."""

    def script(connection: socket.socket) -> None:
        connection.sendall(b"\0\xff\xff\0\0")
        connection.settimeout(SOON_S / 5)
        while True:
            try:
                if connection.recv(100) == b"":
                    return
            except TimeoutError:
                connection.sendall(b".")
            except ConnectionError:
                return

    def listening(connection: socket.socket) -> None:
        receive_exactly(connection, 1)
        with suppress(ConnectionError):
            script(connection)

    with fake_host(uri, listening) as address, connect(address, SOON_S * 2) as client:
        begin = time.monotonic()
        with pytest.raises(HostLost, match="timed out"):
            client.get_calldata(ASK)
        assert time.monotonic() - begin < 1


def test_a_host_that_does_not_listen(uri: str) -> None:
    """A request that nobody reads ends too."""
    done = threading.Event()

    def script(_connection: socket.socket) -> None:
        done.wait(BOUND_S)

    with fake_host(uri, script) as address:
        with connect(address, SOON_S) as client, pytest.raises(HostLost, match="timed out"):
            client.storage_write(StorageWrite(SLOT, 0, bytes(1 << 25)))
        done.set()


@pytest.mark.parametrize(
    ("request_", "answer", "text"),
    [
        (ASK, b"\1\0", "out of turn"),
        (ASK, b"\x09", "unknown error byte 9"),
        (ASK, b"\0\xff\xff\xff\xff", "limit"),
        (StorageRead(0, ADDRESS, SLOT, 0, 2), b"\0abc", "out of turn"),
        (ConsumeResult(b"\0\0"), b"\0\0", "out of turn"),
    ],
)
def test_a_host_that_breaks_the_protocol(uri: str, request_: GetCalldata, answer: bytes, text: str) -> None:
    """The client hangs up and stays closed."""

    def script(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer)
        until_closed(connection)

    with fake_host(uri, script) as address:
        client = connect(address, BOUND_S)
        with pytest.raises(PeerProtocolError, match=text):
            client.ask(request_)
        with pytest.raises(HostLost, match="the connection is closed"):
            client.ask(ASK)


def test_a_host_that_speaks_first(uri: str) -> None:
    """What comes before the first request is not taken for its answer."""

    said = threading.Event()

    def script(connection: socket.socket) -> None:
        connection.sendall(b"\1")
        said.set()
        until_closed(connection)

    with fake_host(uri, script) as address, connect(address, BOUND_S) as client:
        assert said.wait(BOUND_S)
        with pytest.raises(PeerProtocolError, match="out of turn: the session is idle"):
            client.ask(ASK)


def test_a_host_that_says_more_later(uri: str) -> None:
    """A byte that follows an answer is not taken for the beginning of the next one."""
    heard, said = threading.Event(), threading.Event()

    def script(connection: socket.socket) -> None:
        receive_exactly(connection, 1)
        connection.sendall(b"\1")
        heard.wait(BOUND_S)
        connection.sendall(b"\0")
        said.set()
        until_closed(connection)

    with fake_host(uri, script) as address, connect(address, BOUND_S) as client:
        assert client.ask(ASK) == Answer(1)
        heard.set()
        assert said.wait(BOUND_S)
        with pytest.raises(PeerProtocolError, match="out of turn: the session is idle"):
            client.ask(ASK)


def test_a_host_that_left_in_the_meantime(uri: str) -> None:
    """It is noticed before the next request, also before one without an answer."""
    with fake_host(uri, lambda connection: connection.close()) as address:
        client = connect(address, BOUND_S)
    with pytest.raises(HostLost, match="consume_fuel, at byte 0"):
        client.consume_fuel(ConsumeFuel(1))


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_cancelling_a_request_that_waits(uri: str, end: str) -> None:
    """From another thread, at once; whoever comes next fails too."""
    asked = threading.Event()

    def script(connection: socket.socket) -> None:
        receive_exactly(connection, 1)
        asked.set()
        until_closed(connection)

    with fake_host(uri, script) as address, connect(address, 60.0) as client:
        stopper = threading.Thread(target=lambda: (asked.wait(), getattr(client, end)()))
        stopper.start()
        with pytest.raises(HostLost, match="get_calldata, at byte 0: cancelled"):
            client.get_calldata(ASK)
        stopper.join()
        client.cancel()
        client.close()
        with pytest.raises(HostLost, match="cancelled"):
            client.consume_fuel(ConsumeFuel(1))


def test_requests_of_several_threads() -> None:
    """They go out whole, and each thread gets its own answer."""
    count, threads = 50, 4

    def script(connection: socket.socket) -> None:
        for _ in range(count * threads):
            request = receive_exactly(connection, 62)
            connection.sendall(b"\0" + request[-8:-4])  # the index

    def ask(client: HostClient, base: int, found: list[bool]) -> None:
        for number in range(base, base + count):
            answer = client.storage_read(StorageRead(0, ADDRESS, SLOT, number, 4))
            found.append(answer.value == number.to_bytes(4, "little"))

    with fake_host("127.0.0.1:0", script) as address, connect(address, BOUND_S) as client:
        found: list[bool] = []
        workers = [threading.Thread(target=ask, args=(client, 1000 * n, found)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert found == [True] * (count * threads)


def test_a_request_without_an_answer_is_sent_at_once(uri: str) -> None:
    """Nobody waits for a flush (spec/executor.md 1.1)."""
    seen = threading.Event()

    def script(connection: socket.socket) -> None:
        assert receive_exactly(connection, 9) == b"\x08\5" + bytes(7)
        seen.set()
        until_closed(connection)

    with fake_host(uri, script) as address, connect(address, BOUND_S) as client:
        assert client.consume_fuel(ConsumeFuel(5)) == OK
        assert seen.wait(BOUND_S)


def test_a_request_that_cannot_be_sent_changes_nothing(uri: str) -> None:
    """The session goes on."""
    script = host_that_stops(CONVERSATION, 10**6, until_closed)
    with fake_host(uri, script) as address, connect(address, BOUND_S) as client:
        with pytest.raises(LocalProtocolError):
            client.consume_fuel(ConsumeFuel(-1))
        talk(client)


def test_large_answers(uri: str) -> None:
    """More than one read gives."""
    data = bytes(range(256)) * 20_000

    def script(connection: socket.socket) -> None:
        size = len(data).to_bytes(4, "little")
        assert receive_exactly(connection, 41 + len(data))[37:41] == size
        connection.sendall(b"\0")
        receive_exactly(connection, 1)
        connection.sendall(b"\0" + size + data)
        assert len(receive_exactly(connection, 9)) == 9
        until_closed(connection)

    with fake_host(uri, script) as address, connect(address, BOUND_S) as client:
        assert client.storage_write(StorageWrite(SLOT, 0, data)) == OK
        assert client.get_calldata(ASK).value == data
        assert client.ask(ConsumeFuel(1)) == OK, "the timeouts are back to what they were"


def test_nobody_there(tmp_path: object) -> None:
    """HostLost as well; an address that is none is the caller's mistake."""
    for uri in (
        f"unix://{tmp_path}/absent",
        f"unix://{'long' * 100}",
        "127.0.0.1:1",
        "no.such.host.invalid:1",
    ):
        with pytest.raises(HostLost, match="connect"):
            connect(uri, 1.0)
    for uri in ("", "unix://", "4000", "127.0.0.1:", "127.0.0.1:65536", "host:-1", "host:٣"):
        with pytest.raises(UsageError):
            connect(uri)
