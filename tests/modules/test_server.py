"""A module on a socket: whom it lets in, what it says, how much it takes, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import OPEN
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from genvm_replay import calldata
from genvm_replay.errors import EnvironmentProblem
from genvm_replay.modules.connection import Connection
from genvm_replay.modules.server import ModuleServer
from genvm_replay.modules.session import Session

from .serving import ASKING, GUARD_S, HELLO, RAW, SmallModule, acquired, ask, executor, prompt, running

HELLO_A = {"cookie": "c0ffee", "host_data": {"node_address": "n", "tx_id": "t"}}
SHORT_S = 0.2  # for what never comes


def closed_with(connection: ClientConnection) -> int | None:
    """The code with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(GUARD_S)
    return closed.value.rcvd.code if closed.value.rcvd else None


@pytest.mark.parametrize("hello", [HELLO, HELLO_A, ASKING], ids=["genvm_id", "cookie", "asks for more"])
def test_hellos(hello: Any) -> None:
    """Both forms are taken, and no hello is answered: the first frame is the answer to the first request."""
    with running() as server, executor(server, hello) as connection:
        assert ask(connection, prompt("say hi")) == {"Ok": {"data": "hi", "consumed_gen": 0}}


def test_a_connection_is_a_session() -> None:
    """State lives from the hello to the end of the connection, and no longer."""
    with running() as server:
        for _ in range(2):
            with executor(server) as connection:
                told = [ask(connection, prompt("count"))["Ok"]["data"] for _ in range(3)]
            assert told == ["1", "2", "3"]
            assert acquired(server.module.closed)
        assert server.module.open == 0


REPLIES: dict[str, Any] = {
    "say": {"Ok": {"data": "", "consumed_gen": 0}},
    "numbers": {
        "Ok": {"data": {"half": "0.5", "whole": 3, "big": "1e+300", "not": "nan"}, "consumed_gen": 0}
    },
    "user": {
        "UserError": {
            "causes": ["NO_PROVIDER", "STATUS_NOT_OK"],
            "ctx": {"status": 503, "body": b"\xff", "at": "0.5", "n": str(2**60)},
        }
    },
}


@pytest.mark.parametrize("word", REPLIES)
def test_replies(word: str) -> None:
    """`Ok` and `UserError`; what calldata can't carry becomes text by a fixed rule."""
    with running() as server, executor(server) as connection:
        assert ask(connection, prompt(word)) == REPLIES[word]


@pytest.mark.parametrize(
    ("word", "causes"),
    [
        ("fatal", ["DESERIALIZING"]),
        ("object", ["ANSWER_NO_CALLDATA", "object"]),
        ("huge 100000", ["ANSWER_TOO_LARGE"]),
        ("unknown", ["INTERNAL", "RuntimeError"]),
    ],
)
def test_fatal_errors(word: str, causes: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """JSON text with the codes; the connection goes on, and the text of an unexpected exception is told to nobody."""
    caplog.set_level(logging.DEBUG)
    with running(answer_bytes_max=1000) as server, executor(server) as connection:
        told = ask(connection, prompt(word))
        assert list(told) == ["FatalError"]
        assert json.loads(told["FatalError"])["causes"] == causes
        assert json.loads(told["FatalError"])["fatal"] is True
        assert "secret" not in str(told)
        assert ask(connection, prompt("say on")) == {"Ok": {"data": "on", "consumed_gen": 0}}


def test_text_frames_and_pings() -> None:
    """A text frame is taken by its bytes; pings are answered, also while a request is under way."""
    with running() as server, executor(server) as connection:
        connection.send(prompt("say text"), text=True)
        assert calldata.decode(connection.recv(GUARD_S, decode=False)) == {
            "Ok": {"data": "text", "consumed_gen": 0}
        }
        connection.send(prompt("wait"))
        assert acquired(server.module.started)
        assert acquired(server.module.started)
        assert connection.ping().wait(GUARD_S)
        server.go()
        assert b"waited" in connection.recv(GUARD_S, decode=False)


@pytest.mark.parametrize(
    "hello",
    [b"\x07", b"", calldata.encode({"host_data": {}}), calldata.encode({"genvm_id": 1}), prompt("say hi")],
)
def test_undecodable_hellos(hello: bytes) -> None:
    """Drop that connection without a word; others go on."""
    with running() as server, executor(server) as good:
        with executor(server, hello) as bad:
            closed_with(bad)
        assert ask(good, prompt("say on"))["Ok"]["data"] == "on"


def test_no_hello() -> None:
    """Nobody waits for it for ever."""
    with running(hello_s=SHORT_S) as server, executor(server, None) as connection:
        closed_with(connection)


MALFORMED = [
    b"\xff\xff",
    calldata.encode({"Prompt": {}}),
    calldata.encode("Nonsense"),
    calldata.encode({"Prompt": {"payload": {"prompt": 1}, "remaining_fuel_as_gen": 1}}),
    calldata.encode({"Render": {"mode": "text", "url": "u"}}),
]


@pytest.mark.parametrize("message", MALFORMED)
def test_malformed_requests(message: bytes) -> None:
    """A fatal error that says what is off, then the end."""
    with running() as server, executor(server) as connection:
        told = ask(connection, message)
        assert json.loads(told["FatalError"])["causes"][0] == "MALFORMED_REQUEST"
        assert closed_with(connection) == 1002


@pytest.mark.parametrize(("key", "cause"), [("refuse", "LUA_VM_LIMIT"), ("break", "KeyError")])
def test_no_session(key: str, cause: str) -> None:
    """Where the module has none, the first request is told so."""
    hello = {**HELLO, "host_data": {**HELLO["host_data"], key: 1}}
    with running() as server, executor(server, hello) as connection:
        told = ask(connection, prompt("say hi"))
        assert json.loads(told["FatalError"])["causes"] == ["NO_SESSION", cause]


def test_statistics() -> None:
    """GetStats tells what this connection has cost, and is not counted itself."""
    stats = calldata.encode("GetStats")
    with running() as server, executor(server, ASKING) as connection:
        assert ask(connection, stats)["Ok"]["scripting"] == {"requests_count": 0, "requests_time": 0}
        ask(connection, prompt("try 3"))
        told = ask(connection, stats)
        assert told["Ok"]["scripting"]["requests_count"] == 1
        assert told["Ok"]["attempts"] == {"count": 3, "input_tokens": 15, "output_tokens": 6, "cost": 0}


def test_attempts_are_told_to_who_asks() -> None:
    """Beside the verdict, in their order; nobody else sees the key."""
    with running() as server:
        with executor(server, ASKING) as connection:
            told = ask(connection, prompt("try 2"))
            assert [attempt["backend"] for attempt in told["attempts"]] == ["b0", "b1"]
            assert told["attempts"][0]["raw"] == RAW
            assert list(ask(connection, prompt("say hi"))) == ["Ok"]  # nothing was tried for it
        with executor(server) as connection:
            assert list(ask(connection, prompt("try 2"))) == ["Ok"]


def test_too_large_a_request() -> None:
    """The connection is closed with 1009; one byte less is fine."""
    size = len(prompt("say "))
    with running(request_bytes_max=size + 1000) as server, executor(server) as connection:
        assert ask(connection, prompt("say " + "x" * 990))["Ok"]["data"] == "x" * 990
        connection.send(prompt("say " + "x" * 2000))
        assert closed_with(connection) == 1009


def test_a_request_that_takes_too_long() -> None:
    """A fatal error, then the end; what was under way is cancelled."""
    with running(request_s=SHORT_S) as server, executor(server) as connection:
        told = ask(connection, prompt("wait"))
        assert json.loads(told["FatalError"])["causes"] == ["REQUEST_TIMEOUT"]
        assert acquired(server.module.cancelled)
        assert closed_with(connection) == 1011


def test_an_idle_connection() -> None:
    """Is closed."""
    with running(idle_s=SHORT_S) as server, executor(server) as connection:
        assert ask(connection, prompt("say hi"))["Ok"]["data"] == "hi"
        assert closed_with(connection) == 1001
        assert acquired(server.module.closed)


@pytest.mark.parametrize("politely", [True, False], ids=["closes", "vanishes"])
def test_an_executor_that_goes_away(politely: bool) -> None:
    """What is under way for it is cancelled, and its session ends."""
    with running() as server:
        with executor(server) as connection:
            connection.send(prompt("wait"))
            assert acquired(server.module.started)
            if not politely:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.socket.shutdown(socket.SHUT_RDWR)
        assert acquired(server.module.cancelled)
        assert acquired(server.module.closed)


def test_a_frame_that_is_cut() -> None:
    """A closed socket in the middle of a frame ends that connection alone."""
    with running() as server, executor(server) as good:
        with executor(server) as bad:
            bad.socket.sendall(b"\x82\xfe\x10\x00\0\0\0\0half")
            bad.socket.shutdown(socket.SHUT_RDWR)
        assert acquired(server.module.closed)
        assert ask(good, prompt("say on"))["Ok"]["data"] == "on"


MASK = b"\0\0\0\0"
BROKEN = {
    "no frame": b"\xff\xff\xff\xff",
    "without a mask": b"\x82\x01x",
    "a terabyte is announced": b"\x82\xff" + (1 << 40).to_bytes(8, "big") + MASK + b"x",
    "fragments without end": b"\x02\xfe\x03\xe8"
    + MASK
    + bytes(1000)
    + (b"\x00\xfe\x03\xe8" + MASK + bytes(1000)) * 5,
    "a fragment of nothing": b"\x80\x81" + MASK + b"x",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_frames(kind: str) -> None:
    """End that connection at once; its session ends too, and others go on."""
    with running(request_bytes_max=4000) as server, executor(server) as good:
        with executor(server) as bad:
            bad.socket.sendall(BROKEN[kind])
            assert acquired(server.module.closed)
            with suppress(OSError):  # closed already
                bad.socket.shutdown(socket.SHUT_RDWR)
        assert ask(good, prompt("say on"))["Ok"]["data"] == "on"


def test_a_slow_reader() -> None:
    """Who does not take the answer is cut off after `send_s`, and its session ends."""
    with running(send_s=SHORT_S, close_s=SHORT_S) as server:
        protocol = ClientProtocol(parse_uri(server.address))
        with socket.create_connection((protocol.uri.host, protocol.uri.port), GUARD_S) as peer:
            protocol.send_request(protocol.connect())
            peer.sendall(b"".join(protocol.data_to_send()))
            protocol.receive_data(peer.recv(1 << 16))
            assert protocol.state is OPEN
            protocol.send_binary(calldata.encode(HELLO))
            protocol.send_binary(prompt(f"huge {32 << 20}"))
            peer.sendall(b"".join(protocol.data_to_send()))  # and never reads
            assert acquired(server.module.closed)


def test_more_connections_than_allowed() -> None:
    """Are refused with 503; a place that becomes free can be taken."""
    with running(connections_max=1) as server:
        with executor(server) as first:
            assert ask(first, prompt("say hi"))["Ok"]["data"] == "hi"
            with pytest.raises(InvalidStatus) as refused, executor(server):
                pass
            assert refused.value.response.status_code == 503
        assert acquired(server.module.closed)
        server.wait_until_empty()
        with executor(server) as second:
            assert ask(second, prompt("say hi"))["Ok"]["data"] == "hi"


def test_more_requests_than_allowed() -> None:
    """Wait for their turn."""
    with running(requests_max=1) as server, executor(server) as first, executor(server) as second:
        first.send(prompt("wait"))
        assert acquired(server.module.started)
        second.send(prompt("say hi"))
        assert second.ping().wait(GUARD_S)  # it has been read
        assert not server.module.started.acquire(blocking=False)
        server.go()
        assert b"waited" in first.recv(GUARD_S, decode=False)
        assert b"hi" in second.recv(GUARD_S, decode=False)


def test_requests_ahead_of_their_answers() -> None:
    """An executor that does not wait is answered in order."""
    with running() as server, executor(server) as connection:
        for number in range(50):
            connection.send(prompt(f"say {number}"))
        told = [calldata.decode(connection.recv(GUARD_S, decode=False)) for _ in range(50)]
        assert [one["Ok"]["data"] for one in told] == [str(number) for number in range(50)]  # type: ignore[index, call-overload]


def test_browsers_are_refused() -> None:
    """A page that some browser shows can't use the keys of the module."""
    with running() as server:
        with pytest.raises(InvalidStatus) as refused:
            connect(server.address, origin="http://127.0.0.1", proxy=None).__enter__()  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "request_text",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0\xff\r\n\r\n"],
)
def test_other_protocols(request_text: bytes) -> None:
    """Get an HTTP error."""
    with running() as server:
        host, _, port = server.address.removeprefix("ws://").rpartition(":")
        with socket.create_connection((host, int(port)), GUARD_S) as peer:
            peer.sendall(request_text)
            assert peer.recv(1000)[:10] in (b"HTTP/1.1 4", b"HTTP/1.0 4")


def test_a_clean_end() -> None:
    """What is under way may end, idle and silent connections are closed at once, and nobody is let in any more."""
    with (
        running(hello_s=GUARD_S) as server,
        executor(server) as busy,
        executor(server) as idle,
        executor(server, None) as silent,
    ):
        assert ask(idle, prompt("say hi"))["Ok"]["data"] == "hi"
        assert acquired(server.module.started)
        busy.send(prompt("wait"))
        assert acquired(server.module.started)
        server.stop()
        assert closed_with(idle) == 1001
        assert closed_with(silent) == 1001
        with pytest.raises(ConnectionRefusedError), executor(server):
            pass
        server.go()
        assert b"waited" in busy.recv(GUARD_S, decode=False)
        assert closed_with(busy) == 1001


def test_an_end_that_is_not_waited_for() -> None:
    """After `drain_s` what is still under way is cancelled."""
    with running(drain_s=SHORT_S) as server, executor(server) as busy:
        busy.send(prompt("wait"))
        assert acquired(server.module.started)
        server.stop()
        closed_with(busy)
        assert acquired(server.module.cancelled)


def test_a_port_that_is_taken() -> None:
    """Says where."""

    async def listen(port: int) -> None:
        async with ModuleServer(SmallModule(), port=port):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentProblem, match=f"can't listen on 127.0.0.1:{port}"):
            asyncio.run(listen(port))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_ten_thousand_requests() -> None:
    """A hundred at a time: each gets its own answer, and no socket, session or memory is left."""
    with running() as server:
        before, threads = descriptors(), threading.active_count()

        def run(number: int) -> None:
            with executor(server) as connection:
                for _ in range(100):
                    assert ask(connection, prompt(f"say {number}"))["Ok"]["data"] == str(number)

        with ThreadPoolExecutor(100) as pool:
            list(pool.map(run, range(100)))
        for _ in range(100):
            assert acquired(server.module.closed)
        server.wait_until_empty()
        assert server.module.open == 0
        gc.collect()
        assert not [one for one in gc.get_objects() if isinstance(one, Connection | Session)]
        assert descriptors() <= before
        assert threading.active_count() <= threads
