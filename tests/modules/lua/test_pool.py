"""Sessions and their workers."""

from __future__ import annotations

import asyncio

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits

COUNTER = """
calls = 0
function f(ctx, by)
  calls = calls + by
  ctx.sum = (ctx.sum or 0) + by
  return { calls = calls, sum = ctx.sum, run = ctx.run }
end
"""


def test_globals_and_ctx_last_for_a_session_and_no_longer(pool_of):
    """ctx survives between calls of a session; the next session starts afresh (spec/manager-modules.md 5.2)."""

    async def sessions():
        async with pool_of(COUNTER) as pool:
            got = []
            for run in ("a", "b"):
                async with pool.session({"run": run}, None) as session:
                    got += [await session.call("f", 2), await session.call("f", 3)]
            return got

    assert asyncio.run(sessions()) == [
        {"calls": 2, "sum": 2, "run": "a"},
        {"calls": 5, "sum": 5, "run": "a"},
        {"calls": 2, "sum": 2, "run": "b"},
        {"calls": 5, "sum": 5, "run": "b"},
    ]


def test_a_session_has_its_worker_alone_and_the_next_one_waits(pool_of):
    """No more workers than the bound; the one that waits too long is told so."""

    async def sessions():
        async with pool_of(COUNTER, workers_max=1, limits=LuaLimits(wait_ms=50)) as pool:
            async with pool.session({}, None):
                with pytest.raises(ModuleError, match="LUA_NO_WORKER") as refused:
                    await pool.session({}, None).__aenter__()
                assert refused.value.fatal
                assert pool.stats()["in_use"] == 1
            async with pool.session({}, None) as session:
                assert (await session.call("f", 1))["calls"] == 1

    asyncio.run(sessions())


def test_sessions_at_once_run_beside_one_another(pool_of):
    """A session that waits for the service holds up no other."""

    async def sessions():
        met = asyncio.Barrier(3)

        async def meet(owner, arguments):
            await met.wait()
            return [owner, *arguments]

        source = "function f(ctx, x) return __test.meet(ctx, x) end"
        async with pool_of(source, workers_max=3, functions={"__test.meet": meet}) as pool:

            async def one(name):
                async with pool.session({"name": name}, name) as session:
                    return await session.call("f", name)

            return await asyncio.gather(*map(one, "abc"))

    assert asyncio.run(sessions()) == [[name, {}, name] for name in "abc"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("function f(", "LUA_SYNTAX: script.lua:1"),
        ("error('no good')", "LUA_ERROR: script.lua:1: no good"),
        ("function g() end", "LUA_SCRIPT: it does not define the function f"),
        ("f = 7", "does not define the function f"),
    ],
)
def test_a_script_that_is_of_no_use_is_refused_at_the_start(pool_of, source, text):
    """The operator learns it before the first run (spec/manager-modules.md 5.2)."""

    async def enter():
        async with pool_of(source, required=["f"]):
            raise AssertionError

    with pytest.raises(UsageError, match=text):
        asyncio.run(enter())
