"""Connections are bounded before anybody is asked for a token: in number, and in the time that headers may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from genvm_replay.manager.connections import Connections, connections_max, runner_of


@asynccontextmanager
async def listening(count_max: int, idle_s: float) -> AsyncIterator[int]:
    """A service with nothing in it; its port."""
    runner = runner_of(web.Application(), idle_s=idle_s)
    await runner.setup()
    assert runner.server is not None
    server = await asyncio.get_running_loop().create_server(
        Connections(runner.server, count_max), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await runner.cleanup()


async def said_on(port: int, *parts: bytes) -> bytes:
    """Send, and read until the service hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read()
    finally:
        writer.close()


ASKED = b"GET /x HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("parts", "start"),
    [([], b""), ([ASKED], b""), ([ASKED + b"\r\n", ASKED], b"HTTP/1.1 404 ")],
    ids=["nothing", "half", "half after a whole one"],
)
def test_who_does_not_finish_his_headers_is_hung_up_on(parts: list[bytes], start: bytes) -> None:
    async def scene() -> None:
        async with listening(9, 0.05) as port:
            assert (await said_on(port, *parts)).startswith(start)

    asyncio.run(scene())


def test_one_too_many_is_told_and_the_others_stay() -> None:
    """And as soon as one has gone, there is room."""

    async def scene() -> None:
        async with listening(2, 60) as port:
            pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            for reader, writer in pairs:
                writer.write(ASKED + b"\r\n")
                assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
            told = await said_on(port)
            assert told.startswith(b"HTTP/1.1 503 ")
            assert b"too_many_connections" in told
            pairs[0][1].close()
            await pairs[0][1].wait_closed()
            while (await said_on(port, ASKED + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 503 "):
                pass
            pairs[1][1].close()

    asyncio.run(scene())


def test_runs_keep_descriptors() -> None:
    assert 0 < connections_max() <= 4096
