"""One worker as the service sees it: orders out, effects answered, limits held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from ...errors import LocalProtocolError
from ..errors import ModuleError
from . import frames
from .effects import Function, perform
from .limits import EFFECTS_MAX, LuaLimits
from .values import LuaValue

START_MS: Final = 30_000


class Conversation:
    """A worker's pipe. After an error that is not the script's own, the worker is of no use any more."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: LuaLimits,
        functions: Mapping[str, Function],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._functions = functions
        self.usable = True

    def hang_up(self) -> None:
        """Close the pipe: a worker that listens ends."""
        self.usable = False
        self._writer.close()

    async def greet(self) -> None:
        """Hear that a new worker has loaded its script. How long a process takes to start is not the script's fault.

        Raises:
            ModuleError: it could not; as those of `order`.
        """
        await self.order(None, None, least_ms=START_MS)

    async def begin(self, ctx: LuaValue, owner: Any) -> None:
        """Hand over what the session starts with; the script does not run.

        Raises:
            ModuleError: as those of `order`.
        """
        await self.order(["begin", ctx], owner, least_ms=START_MS)

    async def order(self, message: list[Any] | None, owner: Any, *, least_ms: int = 0) -> LuaValue:
        """Send an order, or None to hear what it says first, and answer its effects until the outcome.

        Raises:
            ModuleError: the script's own, or one of ours: `LUA_ERROR`, `LUA_INSTRUCTION_LIMIT`, `LUA_MEMORY_LIMIT`,
                `LUA_VALUE`, and those that end the session, `LUA_TIME_LIMIT` and `LUA_WORKER_DIED`. All fatal.
        """
        if not self.usable:
            raise ModuleError("LUA_WORKER_DIED", fatal=True, ctx={"error": "the session's worker is gone"})
        self.usable = False
        total_ms, busy_ms = max(self._limits.total_ms, least_ms), max(self._limits.busy_ms, least_ms)
        try:
            async with asyncio.timeout(total_ms / 1000) as timer:
                outcome = await self._converse(message, owner, busy_ms)
        except TimeoutError as error:
            if not timer.expired():
                raise
            text = f"a call took more than {self._limits.total_ms} ms with what it waited for"
            raise ModuleError("LUA_TIME_LIMIT", fatal=True, ctx={"error": text}) from error
        except (frames.WorkerLost, OSError) as error:
            raise ModuleError("LUA_WORKER_DIED", fatal=True, ctx={"error": str(error)}) from error
        self.usable = True
        return _read(outcome)

    async def _converse(self, message: list[Any] | None, owner: Any, busy_ms: int) -> list[Any]:
        left_s = busy_ms / 1000
        answer = message
        for _ in range(EFFECTS_MAX + 1):
            if answer is not None:
                await self._send(answer)
            since = time.monotonic()
            said = await self._hear(left_s)
            left_s -= time.monotonic() - since
            if said[0] != "effect":
                return said
            match said:
                case ["effect", str(name), list(arguments)] if name in self._functions:
                    answer = await perform(self._functions[name], name, owner, arguments)
                case _:
                    raise frames.WorkerLost("the worker asked for what is no effect")
        text = f"more than {EFFECTS_MAX} library functions of the service in a call"
        raise ModuleError("LUA_TIME_LIMIT", fatal=True, ctx={"error": text})

    async def _send(self, message: list[Any]) -> None:
        try:
            frame = frames.encode(message, size_max=self._limits.value_bytes)
        except LocalProtocolError as error:
            if message[0] in {"begin", "invoke"}:
                self.usable = True
                raise ModuleError("LUA_VALUE", fatal=True, ctx={"error": str(error)}) from error
            frame = frames.encode(["failure", f"its answer: {error}"], size_max=self._limits.value_bytes)
        self._writer.write(frame)
        await self._writer.drain()

    async def _hear(self, left_s: float) -> list[Any]:
        try:
            async with asyncio.timeout(max(left_s, 0)):
                return await frames.read(self._reader, size_max=self._limits.value_bytes)
        except TimeoutError as error:
            text = f"the script ran for more than its time, {self._limits.busy_ms} ms"
            raise ModuleError("LUA_TIME_LIMIT", fatal=True, ctx={"error": text}) from error


def _read(outcome: list[Any]) -> LuaValue:
    match outcome:
        case ["result", value]:
            return value  # type: ignore[no-any-return]
        case ["ready"]:
            return None
        case ["error", {"causes": causes, "fatal": fatal, "ctx": ctx}]:
            raise ModuleError(*causes, fatal=fatal, ctx=ctx)
        case ["failure", str(code), str(text)]:
            raise ModuleError(code, fatal=True, ctx={"error": text, "rust_error": text})
    raise ModuleError("LUA_WORKER_DIED", fatal=True, ctx={"error": "it said what is no outcome"})
