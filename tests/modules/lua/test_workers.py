"""The processes behind a pool: what they inherit, how they die, and that none is left."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="looks at processes in Linux's /proc"
)
SOURCE = "function f(ctx, x) return x end\nfunction loop() while true do end end"


def children_of(process: int) -> list[int]:
    """Process ids."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def nursery_of_this_process() -> int:
    """The one nursery that this test started: the newest of our children."""
    return max(
        child
        for child in children_of(os.getpid())
        if b"lua.nursery" in Path(f"/proc/{child}/cmdline").read_bytes()
    )


def gone(process: int) -> bool:
    """Wait for its end, for ten seconds at most."""
    try:
        end = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([end], [], [], 10)[0])
    finally:
        os.close(end)


@needs_proc
def test_no_worker_outlives_its_pool(pool_of):
    """Also not one in an endless loop, whose call was given up."""

    async def leave():
        async with pool_of(SOURCE) as pool, pool.session({}, None) as session:
            call = asyncio.create_task(session.call("loop"))
            await asyncio.sleep(0)
            nursery = nursery_of_this_process()
            workers = children_of(nursery)
            call.cancel()
        assert workers
        assert all(map(gone, (nursery, *workers)))

    asyncio.run(leave())


@needs_proc
def test_a_worker_that_dies_ends_its_session_and_the_pool_makes_another(pool_of):
    """The session's call fails, fatally; so does every later one; the next session is as good as the first."""

    async def sessions():
        async with pool_of(SOURCE) as pool:
            async with pool.session({}, None) as session:
                call = asyncio.create_task(session.call("loop"))
                await asyncio.sleep(0)
                for worker in children_of(nursery_of_this_process()):
                    os.kill(worker, signal.SIGKILL)
                for attempt in (call, session.call("f", 1)):
                    with pytest.raises(ModuleError, match="LUA_WORKER_DIED") as died:
                        await attempt
                    assert died.value.fatal
            async with pool.session({}, None) as session:
                assert await session.call("f", 7) == 7
            return pool.stats()

    assert asyncio.run(sessions())["lost"] == 1


@needs_proc
def test_a_nursery_that_dies_takes_its_workers_along_and_is_started_again(pool_of):
    """The pool goes on."""

    async def sessions():
        async with pool_of(SOURCE) as pool:
            nursery = nursery_of_this_process()
            workers = children_of(nursery)
            os.kill(nursery, signal.SIGKILL)
            assert all(map(gone, workers))
            async with pool.session({}, None) as session:
                return await session.call("f", 7)

    assert asyncio.run(sessions()) == 7


@needs_proc
def test_workers_die_with_the_service(tmp_path):
    """Also when it is killed while one of them is in an endless loop."""
    script = tmp_path / "script.lua"
    script.write_text(SOURCE)
    program = f"""
        import asyncio, os
        from pathlib import Path
        from genvm_replay.modules.lua.limits import LuaLimits
        from genvm_replay.modules.lua.pool import LuaPool

        async def main():
            pool = LuaPool(Path({str(script)!r}), libraries=[], functions={{}}, tables={{}}, required=[],
                           limits=LuaLimits(), workers_max=2)
            async with pool, pool.session({{}}, None) as session:
                call = asyncio.create_task(session.call("loop"))
                await asyncio.sleep(0)
                print(os.getpid(), flush=True)
                await call

        asyncio.run(main())
    """
    service = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE)
    with service:
        assert service.stdout is not None
        service.stdout.readline()
        (nursery,) = children_of(service.pid)
        workers = children_of(nursery)
        service.kill()
    assert workers
    assert all(map(gone, (nursery, *workers)))


@needs_proc
def test_a_worker_inherits_no_socket_and_no_key(pool_of, monkeypatch):
    """Its pipe and the three standard streams; of the environment only what Python needs to start."""
    monkeypatch.setenv("OPENAI_KEY", "sk-very-secret")

    async def look():
        with socket.create_server(("127.0.0.1", 0)):
            async with pool_of(SOURCE) as pool, pool.session({}, None) as session:
                await session.call("f", 1)
                worker = children_of(nursery_of_this_process())[0]
                return os.listdir(f"/proc/{worker}/fd"), Path(f"/proc/{worker}/environ").read_bytes()

    files, environment = asyncio.run(look())
    assert len(files) == 4
    assert b"sk-very-secret" not in environment


def test_a_call_that_is_given_up_ends_the_session_not_the_pool(pool_of):
    """Nobody can tell what the script was about, so its worker is not used again."""

    async def sessions():
        async def never(owner, arguments):
            await asyncio.Event().wait()

        source = SOURCE + "\nfunction wait() __test.never() end"
        async with pool_of(source, workers_max=1, functions={"__test.never": never}) as pool:
            async with pool.session({}, None) as session:
                call = asyncio.create_task(session.call("wait"))
                await asyncio.sleep(0)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                with pytest.raises(ModuleError, match="LUA_WORKER_DIED"):
                    await session.call("f", 1)
            async with pool.session({}, None) as session:
                return await session.call("f", 7)

    assert asyncio.run(sessions()) == 7


def test_the_whole_call_has_a_limit_too(pool_of):
    """What the service does for a script is not the script's own time, but it ends."""

    async def call():
        limits = LuaLimits(total_ms=30)
        source = "function f() while true do __dflt.sleep_seconds(0.01) end end"
        async with pool_of(source, limits=limits) as pool, pool.session({}, None) as session:
            with pytest.raises(ModuleError, match="LUA_TIME_LIMIT"):
                await session.call("f")

    asyncio.run(call())


@needs_proc
def test_many_sessions_leave_nothing_behind(pool_of):
    """A hundred at once over ten workers, some of which die on the way: all answered, none left, no file left open."""

    async def sessions():
        source = "function f(ctx, x) if x % 10 == 3 then os.exit(1) end return x end"
        before = len(os.listdir("/proc/self/fd"))
        async with pool_of(source, workers_max=10, limits=LuaLimits(allow_io=True)) as pool:

            async def one(x):
                async with pool.session({}, None) as session:
                    try:
                        return await session.call("f", x)
                    except ModuleError as error:
                        return error.causes[0]

            got = await asyncio.gather(*map(one, range(100)))
            stats = pool.stats()
        return got, stats, len(os.listdir("/proc/self/fd")) - before

    got, stats, left_open = asyncio.run(sessions())
    assert got == ["LUA_WORKER_DIED" if x % 10 == 3 else x for x in range(100)]
    assert (stats["sessions"], stats["in_use"], stats["lost"], left_open) == (100, 0, 10, 0)
