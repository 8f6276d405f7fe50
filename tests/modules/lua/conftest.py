"""Pools of real workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits
from genvm_replay.modules.lua.pool import LuaPool


@pytest.fixture
def pool_of(tmp_path: Path) -> Callable[..., LuaPool]:
    """A pool that runs the given source."""

    def make(source: str, *, workers_max: int = 2, **given: object) -> LuaPool:
        script = tmp_path / "script.lua"
        script.write_text(source)
        parts = {"libraries": [], "functions": {}, "tables": {}, "required": [], "limits": LuaLimits()}
        return LuaPool(script, **{**parts, **given}, workers_max=workers_max)

    return make


@pytest.fixture
def run(pool_of) -> Callable[..., object]:
    """What the global function `f` of a source gives in a session of its own; a module's error as its value."""

    def call(
        source: str, *arguments: object, ctx: object = None, owner: object = None, **given: object
    ) -> object:
        async def session() -> object:
            async with pool_of(source, **given) as pool, pool.session(ctx or {}, owner) as open_session:
                try:
                    return await open_session.call("f", *arguments)
                except ModuleError as error:
                    return error

        return asyncio.run(session())

    return call
