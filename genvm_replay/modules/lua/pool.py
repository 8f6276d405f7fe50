"""Sessions with scripts: each has a worker of its own, which ends with it (spec/manager-modules.md 5.1).

A few workers stand ready with their script loaded. More sessions fork more, to a bound; beyond it they wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ...errors import UsageError
from ..errors import ModuleError
from .conversation import Conversation
from .effects import EFFECTS, Function
from .forkserver import ForkServer
from .limits import LuaLimits
from .setup import Setup
from .values import LuaValue, to_script

LIBRARIES: Final = Path(__file__).parent / "lib"


@dataclass(slots=True)
class _Worker:
    number: int
    conversation: Conversation


class LuaSession:
    """One session: a script's globals and `ctx` last from call to call, and end with it."""

    def __init__(self, conversation: Conversation, owner: Any) -> None:
        self._conversation = conversation
        self._owner = owner

    async def call(self, function: str, *arguments: LuaValue) -> LuaValue:
        """Call a global function of the script with `ctx` and the arguments; its first result.

        One call at a time.

        Raises:
            ModuleError: what the script threw; or a fatal one whose cause starts with `LUA_`: `ctx.error` has the text.
                After `LUA_TIME_LIMIT` and `LUA_WORKER_DIED` the session is of no use.
        """
        values = [to_script(value, where=f"argument {index}") for index, value in enumerate(arguments, 1)]
        return await self._conversation.order(["invoke", function, values], self._owner)


class LuaPool:
    """Runs one script for many sessions at once. An async context manager."""

    def __init__(
        self,
        script: Path,
        *,
        libraries: Sequence[Path],
        functions: Mapping[str, Function],
        tables: Mapping[str, LuaValue],
        required: Sequence[str],
        limits: LuaLimits,
        workers_max: int,
        workers_ready: int = 1,
    ) -> None:
        """Take what workers need; nothing runs before the pool is entered.

        Args:
            libraries: folders of `require`, or paths with `?` for the name; ours come last.
            functions: by dotted names such as `__llm.exec_prompt_in_provider`.
            tables: constant tables by dotted names such as `__llm.templates`.
            required: global functions that the script has to define.
            workers_max: sessions at once.
            workers_ready: idle workers kept with the script loaded, at most `workers_max`.
        """
        self._script = script
        self._libraries = [*map(str, libraries), str(LIBRARIES)]
        self._functions = {**EFFECTS, **functions}
        self._tables = tables
        self._required = list(required)
        self._limits = limits
        self._free = asyncio.Semaphore(workers_max)
        self._ready_max = min(workers_ready, workers_max)
        self._ready: list[_Worker] = []
        self._refill: asyncio.Task[None] | None = None
        self._sessions = self._in_use = self._lost = 0

    async def __aenter__(self) -> Self:
        """Start the first worker, and with it try the script.

        Raises:
            UsageError: the script can't be read or loaded, or lacks a required function.
        """
        self._forks = ForkServer(self._setup())
        try:
            self._ready.append(await self._start())
        except ModuleError as error:
            await self._forks.close()
            raise UsageError(f"{self._script}: {error}: {error.ctx.get('error', '')}") from error
        except BaseException:
            await self._forks.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all workers, also those of sessions that are still open."""
        if self._refill is not None:
            self._refill.cancel()
            await asyncio.wait([self._refill])
        for worker in self._ready:
            self._end(worker)
        self._ready.clear()
        await self._forks.close()

    def session(self, ctx: Mapping[str, LuaValue], owner: Any) -> AbstractAsyncContextManager[LuaSession]:
        """A session with a worker of its own.

        Args:
            ctx: what the script's functions get as their first argument.
            owner: what the pool's functions get as theirs.

        Raises:
            ModuleError: on entering: `LUA_NO_WORKER` (none got free in time), or what loading the script gave; fatal.
        """
        return self._session(to_script(ctx, where="ctx"), owner)

    def stats(self) -> dict[str, int]:
        """Sessions since the start, of these `lost` by a dead worker, and the workers `in_use` and `ready` now."""
        return {
            "sessions": self._sessions,
            "in_use": self._in_use,
            "ready": len(self._ready),
            "lost": self._lost,
        }

    @asynccontextmanager
    async def _session(self, ctx: LuaValue, owner: Any) -> AsyncIterator[LuaSession]:
        try:
            await asyncio.wait_for(self._free.acquire(), self._limits.wait_ms / 1000)
        except TimeoutError as error:
            text = f"all workers were busy for {self._limits.wait_ms} ms"
            raise ModuleError("LUA_NO_WORKER", fatal=True, ctx={"error": text}) from error
        try:
            worker = await self._take(ctx, owner)
            self._sessions += 1
            self._in_use += 1
            try:
                yield LuaSession(worker.conversation, owner)
            finally:
                self._in_use -= 1
                self._lost += not worker.conversation.usable
                self._end(worker)
        finally:
            self._free.release()

    async def _take(self, ctx: LuaValue, owner: Any) -> _Worker:
        """A worker that stands ready, or a new one, with the session begun; and have another made ready meanwhile."""
        while True:
            worker, is_new = (self._ready.pop(), False) if self._ready else (await self._start(), True)
            if self._refill is None or self._refill.done():
                self._refill = asyncio.create_task(self._fill())
            try:
                await worker.conversation.begin(ctx, owner)
                return worker
            except BaseException as error:
                died_ready = not is_new and "LUA_WORKER_DIED" in getattr(error, "causes", ())
                self._end(worker)
                if not died_ready:
                    raise

    async def _fill(self) -> None:
        while len(self._ready) < self._ready_max:
            try:
                self._ready.append(await self._start())
            except Exception:
                return  # the session that needs a worker will try, and tell

    async def _start(self) -> _Worker:
        number, pipe = await self._forks.fork()
        reader, writer = await asyncio.open_unix_connection(sock=pipe)
        worker = _Worker(number, Conversation(reader, writer, self._limits, self._functions))
        try:
            await worker.conversation.greet()
        except BaseException:
            self._end(worker)
            raise
        return worker

    def _end(self, worker: _Worker) -> None:
        worker.conversation.hang_up()
        self._forks.kill(worker.number)

    def _setup(self) -> Setup:
        try:
            source = self._script.read_bytes()
        except OSError as error:
            raise UsageError(f"{self._script}: the script can't be read: {error.strerror}") from error
        tables = {name: to_script(table, where=name) for name, table in self._tables.items()}
        return Setup(
            source=source,
            name=self._script.name,
            libraries=self._libraries,
            effects=list(self._functions),
            tables=tables,
            required=self._required,
            limits=self._limits,
        )
