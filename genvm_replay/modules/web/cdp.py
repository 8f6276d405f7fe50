"""The Chrome DevTools Protocol over a pair of pipes: JSON messages, each ended by a zero byte.

A pipe instead of a WebSocket: no other process of the machine can take part, and a browser whose pipe ends stops by
itself, also when this process was killed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any, Final, TypeAlias

EVENT_SIZE_MAX: Final = 4 << 20
REPLY_SIZE_MAX: Final = 256 << 20
"""The largest output of a page that can be set, each character escaped, is under it."""
EVENT: Final = b'{"method":'
PIECE_SIZE: Final = 1 << 18
CALL_TIMEOUT_S: Final = 30.0
DETACHED: Final = "Inspector.detached"
"""The last event that a listener gets when the browser is gone."""

Listener: TypeAlias = Callable[[str, dict[str, Any]], None]


class BrowserGone(Exception):
    """The browser ended, or its pipe broke."""


class CdpError(Exception):
    """The browser refused a command."""


class Cdp:
    """The commands to one browser, and its events."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str, Listener] = {}
        self.gone = False

    async def call(
        self, method: str, /, *, session: str = "", timeout_s: float = CALL_TIMEOUT_S, **parameters: Any
    ) -> dict[str, Any]:
        """Send a command and wait for its result.

        Args:
            session: the page that it is for; the browser itself where it is empty.

        Raises:
            BrowserGone: the browser ended. CdpError: it refused. TimeoutError: no answer in time.
        """
        if self.gone:
            raise BrowserGone
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(json.dumps(message).encode() + b"\0")
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            self._waiting.pop(number, None)

    def listen(self, session: str, listener: Listener) -> None:
        """Tell a listener every event of a page; those of the browser itself where `session` is empty."""
        self._listeners[session] = listener

    def ignore(self, session: str) -> None:
        """Tell nobody the events of a page any more."""
        self._listeners.pop(session, None)

    async def run(self) -> None:
        """Read messages until the browser is gone; fails all that wait then."""
        try:
            async for message in _messages(self._reader):
                self._take(json.loads(message))
        except (OSError, ValueError):
            pass
        finally:
            self.gone = True
            self._writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(BrowserGone())
            for listener in tuple(self._listeners.values()):
                listener(DETACHED, {})

    def _take(self, message: dict[str, Any]) -> None:
        answer = self._waiting.get(message.get("id", 0))
        if answer is not None and not answer.done():
            if "error" in message:
                answer.set_exception(CdpError(message["error"].get("message", "refused")))
            else:
                answer.set_result(message.get("result", {}))
        elif "method" in message:
            listener = self._listeners.get(message.get("sessionId", ""))
            if listener is not None:
                listener(message["method"], message.get("params", {}))


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Messages but those that are too large: a page puts what it wants into events, and must not harm the others."""
    unread, dropping = bytearray(), False
    while piece := await reader.read(PIECE_SIZE):
        *ends, rest = piece.split(b"\0")
        for end in ends:
            unread += end
            if not dropping and not _is_too_large(unread):
                yield bytes(unread)
            unread.clear()
            dropping = False
        if not dropping:
            unread += rest
            dropping = _is_too_large(unread)


def _is_too_large(message: bytearray) -> bool:
    return len(message) > (EVENT_SIZE_MAX if message.startswith(EVENT) else REPLY_SIZE_MAX)
