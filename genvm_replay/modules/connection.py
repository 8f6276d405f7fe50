"""One connection of an executor: a hello, then request and answer in turn (spec/manager-modules.md 1.1).

Two tasks: one reads frames and notices when the executor goes away, which cancels what is under way for it; the other
answers. One request is answered at a time and one more is read ahead; who sends faster waits, by TCP.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

from ..calldata import Value
from ..errors import PeerProtocolError
from . import envelope
from .counts import Counts
from .errors import ModuleError
from .messages import GetStats, Message, read_hello, read_message
from .session import Answering, Module, Session

log: Final = logging.getLogger(__name__)
DATA: Final = (WSMsgType.BINARY, WSMsgType.TEXT)
MESSAGE_BYTES_MAX: Final = 64 << 20
GO_ON: Final = 0  # instead of a code to close with


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a connection.

    Attributes:
        request_bytes_max: a larger frame closes the connection with code 1009.
        answer_bytes_max: a larger answer becomes a fatal error.
        hello_s: from the handshake to the whole hello; then the connection is dropped.
        request_s: for an answer, waiting for its turn included; then a fatal error, and the connection is closed.
        send_s: for an executor to take an answer; then the connection is cut.
        idle_s: between an answer and the next request; then the connection is closed.
        close_s: for the closing handshake.
    """

    request_bytes_max: int = MESSAGE_BYTES_MAX
    answer_bytes_max: int = MESSAGE_BYTES_MAX
    hello_s: float = 10.0
    request_s: float = 570.0  # an executor of ours waits for 600 s
    send_s: float = 60.0
    idle_s: float = 3600.0
    close_s: float = 2.0


class Connection:
    """Serves one executor."""

    def __init__(self, module: Module, bounds: Bounds, slots: asyncio.Semaphore) -> None:
        """
        Args:
            slots: how many requests may be answered at once, shared by all connections.
        """
        self._module, self._bounds, self._slots = module, bounds, slots
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        self._socket = web.WebSocketResponse(
            max_msg_size=bounds.request_bytes_max, compress=False, timeout=bounds.close_s, decode_text=False
        )
        self._counts = Counts()
        self._tasks: list[asyncio.Task[Any]] = []
        self._busy = self._draining = False

    def drain(self) -> None:
        """End after the request under way, or now if there is none."""
        self._draining = True
        if not self._busy:
            for task in self._tasks:
                task.cancel()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """From the handshake to the end."""
        await self._socket.prepare(request)
        code: int = WSCloseCode.GOING_AWAY
        try:
            greeted = asyncio.create_task(self._hello())
            self._tasks = [greeted]
            await self._first_end()
            session = None if greeted.cancelled() else greeted.result()
            if session is not None and not self._draining:
                self._tasks = [
                    asyncio.create_task(self._answer_all(session)),
                    asyncio.create_task(self._read_all()),
                ]
                code = await self._first_end()
        finally:
            with suppress(Exception):
                async with asyncio.timeout(2 * self._bounds.close_s):
                    await self._socket.close(code=code)
            if request.transport is not None:
                request.transport.abort()  # closed already, unless the executor does not read
        return self._socket

    async def _first_end(self) -> int:
        """Wait until one of the tasks has ended, and end the other; gives the code to close with."""
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._tasks:
                task.cancel()
            ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, OSError):  # TimeoutError too: the answer was not taken
                log.info("the executor went away", extra={"facts": {"error": type(end).__name__}})
            elif isinstance(end, Exception):
                log.error("the connection failed", exc_info=end)
                return WSCloseCode.INTERNAL_ERROR
        return next((end for end in ends if isinstance(end, int)), WSCloseCode.GOING_AWAY)

    async def _hello(self) -> Session | None:
        """Read the hello; None if there is none worth an answer."""
        try:
            async with asyncio.timeout(self._bounds.hello_s):
                got = await self._socket.receive()
        except TimeoutError:
            log.warning("dropped a connection: no hello")
            return None
        if got.type not in DATA:
            return None
        try:
            return Session(read_hello(bytes(got.data)))
        except PeerProtocolError as error:
            log.warning("dropped a connection: %s", error)
            return None

    async def _read_all(self) -> int:
        """Put frames into the inbox until the executor goes away."""
        while (got := await self._socket.receive()).type in DATA:
            await self._inbox.put(bytes(got.data))
        return WSCloseCode.OK

    async def _answer_all(self, session: Session) -> int:
        """Answer request after request; gives the code to close with."""
        async with AsyncExitStack() as stack:
            answering = await self._session(stack, session)
            while True:
                try:
                    async with asyncio.timeout(self._bounds.idle_s):
                        frame = await self._inbox.get()
                except TimeoutError:
                    log.info("closed an idle connection", extra={"facts": {"run": session.hello.name}})
                    return WSCloseCode.GOING_AWAY
                self._busy = True
                code = await self._exchange(session, answering, frame)
                self._busy = False
                if code != GO_ON or self._draining:
                    return code or WSCloseCode.GOING_AWAY

    async def _session(self, stack: AsyncExitStack, session: Session) -> Answering:
        """What answers; where the module has none, whoever asks is told so."""
        try:
            async with asyncio.timeout(self._bounds.request_s):
                return await stack.enter_async_context(self._module.session(session))
        except ModuleError as error:
            return _NoSession(error.wrapped("NO_SESSION", fatal=True))
        except Exception as error:
            log.error("no session", exc_info=error)
            return _NoSession(ModuleError("NO_SESSION", type(error).__name__, fatal=True))

    async def _exchange(self, session: Session, answering: Answering, frame: bytes) -> int:
        """Answer one frame; GO_ON, or the code to close with."""
        session.attempts.clear()
        started, code = time.monotonic(), GO_ON
        try:
            message: Message | None = read_message(frame)
        except PeerProtocolError as error:
            message, code = None, WSCloseCode.PROTOCOL_ERROR
            reply = _malformed(error)
        if isinstance(message, GetStats):
            reply = envelope.ok(self._counts.value())
        elif message is not None:
            reply, code = await self._reply(answering, message)
            self._counts.add(session, time.monotonic() - started)
        _tell(session, message, reply, time.monotonic() - started)
        hello, bytes_max = session.hello, self._bounds.answer_bytes_max
        told = session.attempts if hello.attempts else None
        frame = envelope.encode(reply, told, bytes_max, keep_raw=hello.keep_raw)
        async with asyncio.timeout(self._bounds.send_s):
            await self._socket.send_bytes(frame)
        return code

    async def _reply(self, answering: Answering, message: Message) -> tuple[dict[str, Value], int]:
        """The reply to a request, and whether the connection can go on."""
        try:
            async with asyncio.timeout(self._bounds.request_s) as bound, self._slots:
                return envelope.ok(await answering.answer(message)), GO_ON
        except ModuleError as error:
            return envelope.failed(error), GO_ON
        except PeerProtocolError as error:  # a message of the other module
            return _malformed(error), WSCloseCode.PROTOCOL_ERROR
        except Exception as error:
            if isinstance(error, TimeoutError) and bound.expired():
                late = ModuleError("REQUEST_TIMEOUT", fatal=True, ctx={"seconds": self._bounds.request_s})
                return envelope.failed(late), WSCloseCode.INTERNAL_ERROR
            log.error("a request failed", exc_info=error)
            return envelope.broken(error), GO_ON


class _NoSession:
    """Answers that there is no session."""

    def __init__(self, error: ModuleError) -> None:
        self._error = error

    async def answer(self, message: Message) -> Value:
        """Refuse."""
        raise self._error


def _malformed(error: PeerProtocolError) -> dict[str, Value]:
    return envelope.failed(ModuleError("MALFORMED_REQUEST", str(error), fatal=True))


def _tell(session: Session, message: Message | None, reply: Mapping[str, Value], seconds: float) -> None:
    [(verdict, value)] = reply.items()
    facts: dict[str, object] = {"run": session.hello.name, "request": type(message).__name__}
    facts |= {"verdict": verdict, "attempts": len(session.attempts), "duration_us": round(seconds * 1e6)}
    if verdict == "UserError" and isinstance(value, Mapping):
        facts["causes"] = value["causes"]
    log.info("answered", extra={"facts": facts})
