"""How many callers may be connected, and how long they may say nothing: both are decided before there is a request.

aiohttp hangs up on a connection that has not sent all headers of a request in `idle_s`; what is here is the number.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Final

from aiohttp import web

CONNECTIONS_MAX: Final = 4096
FILES_KEPT: Final = 2  # one of so many descriptors is for a connection, the rest for runs
IDLE_SECONDS_MAX: Final = 75.0
LINE_BYTES_MAX: Final = 64 << 10  # of a path with its query
LINGER_SECONDS: Final = 5.0  # for answers that are on their way
TURNED_AWAY: Final = b'{"error":"too_many_connections: try again later"}'


class Connections:
    """Makes the protocol of each connection; above the bound, one that only says so."""

    def __init__(self, server: web.Server, count_max: int) -> None:
        self._server = server
        self._count_max = count_max

    def __call__(self) -> asyncio.BaseProtocol:
        """For one connection."""
        return TurnedAway() if len(self._server.connections) >= self._count_max else self._server()


class TurnedAway(asyncio.Protocol):
    """Answers 503 before anything is asked, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        assert isinstance(transport, asyncio.Transport)
        head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"
        size = f"Content-Length: {len(TURNED_AWAY)}\r\nConnection: close\r\n\r\n"
        transport.write((head + size).encode() + TURNED_AWAY)
        transport.close()


def runner_of(app: web.Application, *, idle_s: float = IDLE_SECONDS_MAX) -> web.AppRunner:
    """What runs an application, within bounds of time and length."""
    return web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=LINGER_SECONDS,
        max_line_size=LINE_BYTES_MAX,
        keepalive_timeout=idle_s,
    )


def connections_max() -> int:
    """As many as there are descriptors for, once all that this process may have are taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return CONNECTIONS_MAX if hard == resource.RLIM_INFINITY else min(CONNECTIONS_MAX, hard // FILES_KEPT)
