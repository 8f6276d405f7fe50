"""Measures what it costs that Lua runs in worker processes under limits: ratios of figures of this one run.

Each round measures all figures one after the other, so that a busy moment of the machine hits them alike; medians are
printed. A session is compared with a bare fork of this process, a call with an echo through a socket, counted
instructions with the same loop in a VM without limits.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import lupa.lua54 as lupa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.modules.lua.limits import LuaLimits  # noqa: E402
from genvm_replay.modules.lua.pool import LuaPool, LuaSession  # noqa: E402

LOOP = "local x = 0 for i = 1, 3000000 do x = x + i % 7 end return x"
SCRIPT = f"""
function nothing() end
function effects() for _ = 1, 100 do __bench.nothing() end end
function loop() {LOOP} end
"""
SESSIONS, CALLS, EFFECTS = 10, 100, 100


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="measurements; their median is printed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bench.lua"
        script.write_text(SCRIPT)
        functions = {"__bench.nothing": _nothing}
        pool = LuaPool(
            script,
            libraries=[],
            functions=functions,
            tables={},
            required=[],
            limits=LuaLimits(),
            workers_max=4,
        )
        async with pool, pool.session({}, None) as session:
            await _measure(pool, session, options.rounds)


async def _measure(pool: LuaPool, session: LuaSession, rounds: int) -> None:
    reader, writer = await _echo()
    plain = lupa.LuaRuntime().execute(f"return function() {LOOP} end")
    figures: dict[str, tuple[int, Callable[[], Awaitable[Any]]]] = {
        "bare fork": (SESSIONS, _each(SESSIONS, _fork)),
        "session with a call": (SESSIONS, _each(SESSIONS, lambda: _session(pool))),
        "echo through a socket": (CALLS, _each(CALLS, lambda: _echoed(reader, writer))),
        "call": (CALLS, _each(CALLS, lambda: session.call("nothing"))),
        "library function of the service": (EFFECTS, lambda: session.call("effects")),
        "loop without limits": (1, lambda: _run(plain)),
        "loop, instructions counted": (1, lambda: session.call("loop")),
    }
    taken: dict[str, list[float]] = {name: [] for name in figures}
    for _ in range(rounds):
        for name, (count, work) in figures.items():
            since = time.perf_counter()
            await work()
            taken[name].append((time.perf_counter() - since) / count)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, against in (
        ("session with a call", "bare fork"),
        ("call", "echo through a socket"),
        ("library function of the service", "echo through a socket"),
        ("loop, instructions counted", "loop without limits"),
    ):
        ratio = medians[name] / medians[against]
        print(
            f"{name}: {medians[name] * 1e3:.2f} ms, {ratio:.1f} times {against} ({medians[against] * 1e3:.2f} ms)"
        )
    writer.close()


def _each(count: int, work: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        for _ in range(count):
            await work()

    return run


async def _nothing(_owner: Any, _arguments: list[Any]) -> None:
    return None


async def _run(function: Callable[[], Any]) -> None:
    function()


async def _session(pool: LuaPool) -> None:
    async with pool.session({}, None) as session:
        await session.call("nothing")


async def _fork() -> None:
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)


async def _echo() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A pipe whose other end, in a process of its own, sends back what it gets."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        while data := theirs.recv(64):
            theirs.sendall(data)
        os._exit(0)
    theirs.close()
    ours.setblocking(False)
    return await asyncio.open_unix_connection(sock=ours)


async def _echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"x" * 32)
    await reader.readexactly(32)


if __name__ == "__main__":
    asyncio.run(main())
