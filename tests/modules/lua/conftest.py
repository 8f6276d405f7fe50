"""Pools of real workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits
from genvm_replay.modules.lua.pool import LuaPool

ANY_SOURCE = """
function run(ctx, source, ...)
  f = nil
  assert(load(source, "=script.lua"))()
  return f(ctx, ...)
end
"""


@pytest.fixture
def pool_of(tmp_path: Path) -> Callable[..., LuaPool]:
    """A pool that runs the given source."""

    def make(source: str, *, workers_max: int = 2, **given: object) -> LuaPool:
        script = tmp_path / "script.lua"
        script.write_text(source)
        parts = {"libraries": [], "functions": {}, "tables": {}, "required": [], "limits": LuaLimits()}
        return LuaPool(script, **{**parts, **given}, workers_max=workers_max)

    return make


class Pools:
    """Pools that stay from test to test: starting one is the slow part. Each run has a session of its own."""

    def __init__(self, folder: Path) -> None:
        self._script = folder / "any.lua"
        self._script.write_text(ANY_SOURCE)
        self._runner = asyncio.Runner()
        self._pools: dict[LuaLimits, LuaPool] = {}
        self._open = AsyncExitStack()

    def run(self, sources: list[str], *arguments: object, limits: LuaLimits | None = None) -> list[object]:
        """What `f` of each source gives, all in one session; a module's error as a value."""
        return self._runner.run(self._session(sources, arguments, limits or LuaLimits()))

    async def _session(self, sources: list[str], arguments: tuple, limits: LuaLimits) -> list[object]:
        if limits not in self._pools:
            pool = LuaPool(
                self._script,
                libraries=[],
                functions={},
                tables={},
                required=["run"],
                limits=limits,
                workers_max=2,
            )
            self._pools[limits] = await self._open.enter_async_context(pool)
        got: list[object] = []
        async with self._pools[limits].session({}, None) as session:
            for source in sources:
                try:
                    got.append(await session.call("run", source, *arguments))
                except ModuleError as error:
                    got.append(error)
        return got

    def close(self) -> None:
        self._runner.run(self._open.aclose())
        self._runner.close()


@pytest.fixture(scope="package")
def pools(tmp_path_factory) -> Iterator[Pools]:
    """Shared by the tests of this folder."""
    shared = Pools(tmp_path_factory.mktemp("lua"))
    yield shared
    shared.close()


@pytest.fixture
def run_all(pools: Pools) -> Callable[..., list[object]]:
    """What `f` of each source gives, all in one session."""
    return pools.run


@pytest.fixture
def run(pools: Pools) -> Callable[..., object]:
    """What the function `f` of a source gives; a module's error as its value."""
    return lambda source, *arguments, **given: pools.run([source], *arguments, **given)[0]
