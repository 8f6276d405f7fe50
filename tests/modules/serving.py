"""A module for tests on the real server, in a thread of its own, and executors that speak to it: real sockets, real frames.

The module is small but whole: it answers, fails as a script would, waits until it is told, and tells its attempts.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from genvm_replay import calldata
from genvm_replay.errors import PeerProtocolError
from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.messages import Hello, Message, Prompt
from genvm_replay.modules.server import ModuleServer, ServerLimits
from genvm_replay.modules.session import Session

RAW = b'{"choices": ["what the provider said"]}'
GUARD_S = 30.0  # never waited for where things are right
HELLO: dict[str, Any] = {
    "genvm_id": 7,
    "host_data": {"node_address": "0x01", "tx_id": "0x02", "extra": "kept"},
}
ASKING: dict[str, Any] = {
    **HELLO,
    "host_data": {**HELLO["host_data"], "genvm_replay": {"attempts": True, "keep_raw": True}},
}


def prompt(text: str, **payload: Any) -> bytes:
    """A request to a language model."""
    return calldata.encode({"Prompt": {"payload": {"prompt": text, **payload}, "remaining_fuel_as_gen": 9}})


class SmallModule:
    """Answers a prompt by its first word.

    Attributes:
        started, cancelled: prompts that were begun, and that were cancelled.
        go: set: what waits goes on.
    """

    name = "llm"

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.cancelled = threading.Semaphore(0)
        self.closed = threading.Semaphore(0)
        self.go = asyncio.Event()
        self.open = 0
        self.hellos: list[Hello] = []

    @asynccontextmanager
    async def session(self, session: Session) -> AsyncIterator[Small]:
        """One run; a hello with the key `refuse` gets no session."""
        self.hellos.append(session.hello)
        if "refuse" in session.hello.host_data:
            raise ModuleError("LUA_VM_LIMIT")
        if "break" in session.hello.host_data:
            raise KeyError("secret-of-a-session")
        self.open += 1
        try:
            yield Small(self, session)
        finally:
            self.open -= 1
            self.closed.release()

    def stats(self) -> dict[str, Any]:
        """Nothing."""
        return {}


class Small:
    """One run."""

    def __init__(self, module: SmallModule, session: Session) -> None:
        self.module, self.own = module, session
        self.count = 0

    async def answer(self, message: Message) -> Any:
        """Answer a prompt."""
        if not isinstance(message, Prompt):
            raise PeerProtocolError(f"no module for a {type(message).__name__}")
        self.count += 1
        self.module.started.release()
        word, _, rest = message.prompt.partition(" ")
        match word:
            case "say":
                return {"data": rest, "consumed_gen": 0}
            case "count":
                return {"data": str(self.count), "consumed_gen": 0}
            case "numbers":
                return {
                    "data": {"half": 0.5, "whole": 3.0, "big": 1e300, "not": float("nan")},
                    "consumed_gen": 0,
                }
            case "huge":
                return {"data": "x" * int(rest), "consumed_gen": 0}
            case "object":
                return {"data": object(), "consumed_gen": 0}
            case "wait":
                await self._wait()
                return {"data": "waited", "consumed_gen": 0}
            case "user":
                raise ModuleError(
                    "NO_PROVIDER",
                    "STATUS_NOT_OK",
                    ctx={"status": 503, "body": b"\xff", "at": 0.5, "n": 2**60},
                )
            case "fatal":
                raise ModuleError("DESERIALIZING", fatal=True, ctx={"body": b"\xff"})
            case "try":
                for number in range(int(rest)):
                    self.own.attempts.append(
                        {
                            "backend": f"b{number}",
                            "status": 200,
                            "input_tokens": 5,
                            "output_tokens": 2,
                            "raw": RAW,
                        }
                    )
                return {"data": "tried", "consumed_gen": 0}
        raise RuntimeError("secret-of-an-error")

    async def _wait(self) -> None:
        try:
            await self.module.go.wait()
        except asyncio.CancelledError:
            self.module.cancelled.release()
            raise


class Running:
    """A server in a thread, and what tests do to it from outside."""

    def __init__(self, limits: ServerLimits) -> None:
        self.module = SmallModule()
        self.server = ModuleServer(self.module, limits=limits)
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._run()), daemon=True)

    async def _run(self) -> None:
        async with self.server:
            self._up.set()
            await self._stop.wait()

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._up.wait(GUARD_S)

    def stop(self) -> None:
        """Begin to stop."""
        self.loop.call_soon_threadsafe(self._stop.set)

    def join(self) -> None:
        """Wait until it has stopped."""
        self._thread.join(GUARD_S)
        assert not self._thread.is_alive()
        self.loop.close()

    def wait_until_empty(self) -> None:
        """Wait until no connection is open."""
        until = time.monotonic() + GUARD_S
        while self.server.connection_count:
            assert time.monotonic() < until

    def go(self) -> None:
        """Let what waits go on."""
        self.loop.call_soon_threadsafe(self.module.go.set)

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.server.address


@contextmanager
def running(**limits: Any) -> Iterator[Running]:
    """A server with these limits."""
    server = Running(ServerLimits(**limits))
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.join()


@contextmanager
def executor(server: Running, hello: Mapping[str, Any] | bytes | None = HELLO) -> Iterator[ClientConnection]:
    """A connection that has said hello; None: it says nothing."""
    options: dict[str, Any] = {"compression": None, "max_size": None, "proxy": None}
    with connect(server.address, close_timeout=GUARD_S, **options) as connection:
        if hello is not None:
            connection.send(hello if isinstance(hello, bytes) else calldata.encode(dict(hello)))
        yield connection


def ask(connection: ClientConnection, message: bytes) -> Any:
    """One request and its reply."""
    connection.send(message)
    return calldata.decode(connection.recv(GUARD_S, decode=False))


def acquired(semaphore: threading.Semaphore) -> bool:
    """Whether it happens."""
    return semaphore.acquire(timeout=GUARD_S)
