"""A module on a WebSocket: whom it lets in, and how it ends (spec/manager-modules.md 1.1, 1.6).

One connection is one run (`connection.py`). Deliberately not here: what a module answers (`llm/`, `web/`).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Self

from aiohttp import web

from ..errors import EnvironmentProblem
from .connection import Bounds, Connection
from .session import Module

log: Final = logging.getLogger(__name__)
CLEAN_UP_S: Final = 5.0  # for what was cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits(Bounds):
    """Bounds of a server, besides those of each connection.

    Attributes:
        connections_max: more are refused with HTTP status 503.
        requests_max: answered at once, over all connections; others wait, within their `request_s`.
        drain_s: how long requests under way may go on when the server stops.
    """

    connections_max: int = 256
    requests_max: int = 128
    drain_s: float = 20.0


class ModuleServer:
    """Serves one module. Starts and stops as an async context manager.

    Attributes:
        address: `ws://host:port`, once it has started.
    """

    def __init__(
        self, module: Module, host: str = "127.0.0.1", port: int = 0, limits: ServerLimits | None = None
    ) -> None:
        """
        Args:
            port: 0: any free one.
        """
        self._module = module
        self._host, self._port = host, port
        self._limits = limits or ServerLimits()
        self._slots = asyncio.Semaphore(self._limits.requests_max)
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._stopping = False
        self._runner: web.AppRunner | None = None
        self.address = ""

    @property
    def connection_count(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        """
        Raises:
            EnvironmentProblem: nothing can listen there.
        """
        app = web.Application()
        app.router.add_route("GET", "/{any:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLEAN_UP_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise EnvironmentProblem(
                f"can't listen on {self._host}:{self._port}: {error.strerror or error}"
            ) from error
        host, port = self._runner.addresses[0][:2]
        self.address = f"ws://{f'[{host}]' if ':' in host else host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nobody in any more, let requests under way end within `drain_s`, close."""
        self._stopping = True
        assert self._runner is not None
        try:
            for site in list(self._runner.sites):
                await site.stop()
            for connection in self._connections:
                connection.drain()
            await self._ended(self._limits.drain_s)
        finally:
            for task in self._connections.values():
                task.cancel()
            await self._ended(CLEAN_UP_S)
            await self._runner.cleanup()

    async def _ended(self, timeout_s: float) -> None:
        if self._connections:
            await asyncio.wait(self._connections.values(), timeout=timeout_s)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its handshake to its end."""
        if "Origin" in request.headers:  # a browser's page: no executor sends one
            log.warning("refused a browser")
            raise web.HTTPForbidden(text="not for browsers\n")
        if self._stopping or len(self._connections) >= self._limits.connections_max:
            log.warning("refused a connection", extra={"facts": {"connections": len(self._connections)}})
            raise web.HTTPServiceUnavailable(text="too many connections\n")
        connection = Connection(self._module, self._limits, self._slots)
        task = asyncio.current_task()
        assert task is not None
        self._connections[connection] = task
        try:
            return await connection.serve(request)
        finally:
            del self._connections[connection]
