"""Both servers on real sockets, by one suite of promises: `blocking_server` and `server`."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from genvm_replay.errors import (
    EnvironmentProblem,
    ExecutorLost,
    LocalProtocolError,
    PeerProtocolError,
    UsageError,
)
from genvm_replay.host_bridge.blocking_server import BlockingHostServer
from genvm_replay.host_bridge.client import connect
from genvm_replay.host_bridge.dispatch import RecordingHost
from genvm_replay.host_bridge.funnel import Funnel
from genvm_replay.host_bridge.host import Host
from genvm_replay.host_bridge.limits import DEFAULT_LIMITS, Limits
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.host_bridge.patience import Timeouts
from genvm_replay.host_bridge.responder import SessionReport
from genvm_replay.host_bridge.server import HostServer, serve_asyncio
from genvm_replay.host_bridge.transport import Listener, dial, parse_uri
from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeFuel,
    ConsumeResult,
    GetCalldata,
    Request,
    StorageRead,
    StorageWrite,
)

from .rows import ADDRESS, CONVERSATION, SLOT
from .sockets import BOUND_S, ScriptedHost, executor_that_stops, receive_exactly, reset

SOON_S = 0.05
TIMEOUTS = Timeouts(connect_s=BOUND_S, idle_s=BOUND_S, transfer_s=BOUND_S)
LAST = ConsumeResult(b"\0\0")
SHORT = [row for row in CONVERSATION if len(row.request_bytes) < 70]
SHORT_BYTES = sum(len(row.request_bytes) for row in SHORT)


class Served:
    """A server that runs in the background, whichever it is."""

    def __init__(self, uri: str, close: Callable[[], None]) -> None:
        self.uri = uri
        self.close = close
        self.reports: list[SessionReport] = []
        self.ended = threading.Event()

    def take(self, report: SessionReport) -> None:
        self.reports.append(report)
        self.ended.set()

    def report(self) -> SessionReport:
        assert self.ended.wait(BOUND_S), "the server hangs"
        assert len(self.reports) == 1
        return self.reports[0]


@contextmanager
def blocking(
    host: Host, uri: str, limits: Limits = DEFAULT_LIMITS, timeouts: Timeouts = TIMEOUTS
) -> Iterator[Served]:
    served = Served("", lambda: None)
    with BlockingHostServer(host, uri, limits=limits, timeouts=timeouts, on_end=served.take) as server:
        served.uri, served.close = server.uri, server.close
        yield served
    assert server.wait(BOUND_S) == served.report()


@contextmanager
def in_a_loop(
    host: Host, uri: str, limits: Limits = DEFAULT_LIMITS, timeouts: Timeouts = TIMEOUTS
) -> Iterator[Served]:
    """The asyncio server in a loop of its own thread."""
    served, ready, over = Served("", lambda: None), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with HostServer(host, uri, limits=limits, timeouts=timeouts, on_end=served.take) as server:
            loop = asyncio.get_running_loop()
            served.uri, served.close = server.uri, lambda: loop.call_soon_threadsafe(over.set) and None
            ready.set()
            await over.wait()
        assert await server.wait() == served.report()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(BOUND_S)
    try:
        yield served
    finally:
        with suppress(RuntimeError):
            served.close()
        thread.join(BOUND_S)
    assert not thread.is_alive()


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture(params=[blocking, in_a_loop], ids=["thread", "loop"])
def serve(request: pytest.FixtureRequest) -> Serve:
    return request.param


class State:
    """Committed state: every page holds its own number, every account 7."""

    def read_page(self, _address: bytes, _slot: bytes, page: int) -> bytes:
        return bytes((page % 251,)) * 4096

    def balance(self, _address: bytes) -> int:
        return 7


def local_host() -> LocalHost:
    return LocalHost(State(), ADDRESS, b"\x06", 5)


def test_a_local_host_behind_a_socket(serve: Serve, uri: str) -> None:
    """Gives the answers that it gives directly, and ends up in the same state."""
    direct, remote = local_host(), local_host()
    requests = [row.request for row in CONVERSATION if row.request != LAST] + [
        StorageRead(0, ADDRESS, SLOT, 250, 9000),
        LAST,
    ]
    expected = RecordingHost(direct)
    recording = RecordingHost(remote)
    with serve(recording, uri) as served, connect(served.uri, BOUND_S) as client:
        for request in requests:
            assert client.ask(request) == expected.ask(request)
        assert served.report() == SessionReport(finished=True, requests=len(requests))
    assert recording.exchanges == expected.exchanges
    assert remote.written_pages() == direct.written_pages()
    assert (remote.events, remote.messages, remote.nondet_results, remote.result) == (
        *(direct.events, direct.messages, direct.nondet_results, direct.result),
    )


def test_every_method(serve: Serve, uri: str) -> None:
    """With every answer that it has."""
    with serve(ScriptedHost(CONVERSATION), uri) as served, connect(served.uri, BOUND_S) as client:
        for row in CONVERSATION:
            assert client.ask(row.request) == row.answer
        assert served.report().finished


@pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["closed", "reset"])
def test_an_executor_that_is_killed_anywhere(
    serve: Serve, uri: str, end: Callable[[socket.socket], None]
) -> None:
    """At every byte of the conversation the session ends, unfinished."""
    step = 1 if serve is blocking else 7  # a loop in a thread takes its time to begin
    for cut in range(0, SHORT_BYTES, step):
        with serve(ScriptedHost(SHORT), uri) as served:
            connection = dial(parse_uri(served.uri), BOUND_S)
            executor_that_stops(connection, SHORT, cut)
            end(connection)
            report = served.report()
        assert isinstance(report.error, ExecutorLost)
        assert not report.finished
        assert report.error.reason


def test_requests_that_come_byte_by_byte(serve: Serve, uri: str) -> None:
    """They are put together; an answer comes when its request is whole."""
    with serve(ScriptedHost(SHORT), uri) as served, dial(parse_uri(served.uri), BOUND_S) as connection:
        for row in SHORT[:6]:
            for at in range(len(row.request_bytes)):
                connection.sendall(row.request_bytes[at : at + 1])
            assert receive_exactly(connection, len(row.answer_bytes)) == row.answer_bytes


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x0f", "unknown method 15"),
        (b"\0\0", "out of turn in get_calldata"),
        (b"\3\0\0\0\0\0", "out of turn in consume_result"),
        (b"\3\x65\0\0\0", "101 bytes is announced, limit 100"),
        (b"\7\xff", "255 topics"),
    ],
)
def test_an_executor_that_breaks_the_protocol(serve: Serve, uri: str, data: bytes, text: str) -> None:
    """The server hangs up; the host saw nothing of it."""
    limits = Limits(slice_bytes_max=100)
    with serve(ScriptedHost([]), uri, limits) as served, dial(parse_uri(served.uri), BOUND_S) as connection:
        connection.sendall(data)
        with suppress(ConnectionError):
            assert connection.recv(1) == b""
        error = served.report().error
    assert isinstance(error, PeerProtocolError)
    assert text in str(error)


class Faulty(Funnel):
    """Does not do what a host should."""

    def __init__(self, outcome: Answer | Exception) -> None:
        self._outcome = outcome

    def ask(self, _request: Request) -> Answer:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@pytest.mark.parametrize("outcome", [ZeroDivisionError("in the host"), KeyError(), Answer(9), Answer(0, 5)])
def test_a_faulty_host(serve: Serve, uri: str, outcome: Answer | Exception) -> None:
    """Its error ends the session and is reported; the executor is not left waiting."""
    with serve(Faulty(outcome), uri) as served, dial(parse_uri(served.uri), BOUND_S) as connection:
        connection.sendall(b"\0")
        assert connection.recv(1) == b""
        error = served.report().error
    assert error is outcome if isinstance(outcome, Exception) else isinstance(error, LocalProtocolError)


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("connect_s", None, "in connect, at byte 0: no executor has connected"),
        ("idle_s", b"", "in no method, at byte 0: timed out"),
        ("idle_s", b"\x08" + bytes(8), "in no method, at byte 0: timed out"),
        ("transfer_s", b"\x01" + bytes(30), "in storage_read, at byte 31: timed out"),
    ],
)
def test_an_executor_that_stalls(serve: Serve, uri: str, name: str, data: bytes | None, text: str) -> None:
    """Each wait has its own bound."""
    times = {"connect_s": BOUND_S, "idle_s": BOUND_S, "transfer_s": BOUND_S} | {name: SOON_S}
    begin = time.monotonic()
    with serve(Faulty(OK), uri, timeouts=Timeouts(**times)) as served:
        if data is None:
            error = served.report().error
        else:
            with dial(parse_uri(served.uri), BOUND_S) as connection:
                connection.sendall(data)
                error = served.report().error
    assert isinstance(error, ExecutorLost)
    assert text in str(error)
    assert time.monotonic() - begin < 2


def test_an_executor_that_drips(serve: Serve, uri: str) -> None:
    """A byte now and then does not prolong the wait for a whole request."""
    timeouts = Timeouts(connect_s=BOUND_S, idle_s=BOUND_S, transfer_s=2 * SOON_S)
    with (
        serve(Faulty(OK), uri, timeouts=timeouts) as served,
        dial(parse_uri(served.uri), BOUND_S) as connection,
    ):
        begin = time.monotonic()
        with suppress(ConnectionError):
            while not served.ended.wait(SOON_S / 5):
                connection.sendall(b"\1")
        assert "in storage_read" in str(served.report().error)
        assert time.monotonic() - begin < 2


def test_an_executor_that_does_not_listen(serve: Serve, uri: str) -> None:
    """An answer that nobody reads ends the session too."""
    timeouts = Timeouts(connect_s=BOUND_S, idle_s=BOUND_S, transfer_s=SOON_S)
    host = Faulty(Answer(0, bytes(1 << 25)))
    with serve(host, uri, timeouts=timeouts) as served, dial(parse_uri(served.uri), BOUND_S) as connection:
        connection.sendall(b"\0")
        assert "timed out" in str(served.report().error)


@pytest.mark.parametrize("connected", [False, True])
def test_closing_a_server_that_waits(serve: Serve, uri: str, connected: bool) -> None:
    """It ends at once, wherever it is, and says so; closing it again is nothing."""
    begin = time.monotonic()
    with serve(local_host(), uri) as served:
        client = connect(served.uri, BOUND_S) if connected else None
        if client is not None:
            assert client.get_calldata(GetCalldata()) == Answer(0, b"\x06")
        served.close()
        assert "the server was closed" in str(served.report().error)
    assert time.monotonic() - begin < 2
    if client is not None:
        client.close()


def test_one_connection_a_session(serve: Serve, uri: str) -> None:
    """A second executor is not let in, and the address is free again in the end."""
    with serve(local_host(), uri) as served, connect(served.uri, BOUND_S) as client:
        client.ask(GetCalldata())
        with pytest.raises(OSError), socket.socket(*family(served.uri)) as other:  # noqa: PT011
            other.connect(address(served.uri))
        client.ask(LAST)
        assert served.report().finished
    with serve(local_host(), uri) as served, connect(served.uri, BOUND_S) as client:
        client.ask(LAST)
        assert served.report().finished
    assert not uri.startswith("unix://") or not Path(uri.removeprefix("unix://")).exists()


def family(uri: str) -> tuple[int, int]:
    endpoint = parse_uri(uri)
    if endpoint.path is not None:
        return socket.AF_UNIX, socket.SOCK_STREAM
    return socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET, socket.SOCK_STREAM


def address(uri: str) -> str | tuple[str, int]:
    endpoint = parse_uri(uri)
    return endpoint.path if endpoint.path is not None else (endpoint.host, endpoint.port)


def test_a_unix_socket_is_private(serve: Serve, tmp_path: Path) -> None:
    """Nobody else on the machine may connect; a file that is there is left alone."""
    path = tmp_path / "host"
    with serve(local_host(), f"unix://{path}") as served:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with pytest.raises(EnvironmentProblem, match="Address already in use"):
            BlockingHostServer(local_host(), served.uri)
        assert path.exists()


@pytest.mark.parametrize("uri", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", ":0", "unix://"])
def test_servers_listen_on_this_machine_only(uri: str) -> None:
    """Everything else is refused before a socket is bound."""
    for server in (BlockingHostServer, HostServer):
        with pytest.raises(UsageError):
            server(local_host(), uri)


def test_a_large_read_and_write(serve: Serve, uri: str) -> None:
    """More than the kernel buffers in either direction."""
    data = bytes(range(256)) * 16_384
    host = local_host()
    with serve(host, uri) as served, connect(served.uri, BOUND_S) as client:
        assert client.storage_write(StorageWrite(SLOT, 1, data)) == OK
        assert client.storage_read(StorageRead(0, ADDRESS, SLOT, 1, len(data))).value == data
        assert client.consume_fuel(ConsumeFuel(1)) == OK
        assert client.ask(LAST) == OK


def test_serving_in_one_call(tmp_path: Path) -> None:
    """`serve_asyncio` is a whole session."""
    uri = f"unix://{tmp_path}/host"

    def executor() -> None:
        with connect(uri, BOUND_S) as client:
            client.ask(LAST)

    async def node() -> SessionReport:
        serving = asyncio.create_task(serve_asyncio(local_host(), uri))
        while not Path(uri.removeprefix("unix://")).exists():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.to_thread(executor)
        return await serving

    assert asyncio.run(node()) == SessionReport(finished=True, requests=1)


def test_reports_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Unless somebody takes them."""
    with BlockingHostServer(local_host()) as server:
        dial(parse_uri(server.uri), BOUND_S).close()
        assert server.wait(BOUND_S) is not None
    assert "a session failed after 0 requests: the executor was lost" in caplog.text


def test_a_server_that_was_never_entered() -> None:
    """Closing it gives its address back."""
    server = BlockingHostServer(local_host())
    server.close()
    Listener(parse_uri(server.uri)).close()
    asyncio.run(HostServer(local_host()).close())
