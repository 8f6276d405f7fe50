"""Runs the service as a process: listens, says that it is ready, ends in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from typing import Final

from aiohttp import web

from ..errors import EnvironmentProblem
from .connections import Connections, connections_max, runner_of
from .parts import MANAGER

BACKLOG: Final = 1024
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def serve(
    app: web.Application,
    listener: socket.socket,
    *,
    drain_seconds: float,
    ready: Callable[[str], None],
    with_parent: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then take no new runs, wait for those that go on, and end. A second signal ends at
    once what the first one waits for.

    Args:
        listener: of `listen`; closed at the end.
        drain_seconds: what goes on then is stopped.
        ready: is told the address, such as `http://127.0.0.1:3999`.
        with_parent: stop too when the process that started this one ends (spec/manager-modules.md 6.1).
    """
    closing, hurry = app[MANAGER].closing, asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        (hurry if closing.is_set() else closing).set()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    parent = os.pidfd_open(os.getppid()) if with_parent else None
    if parent is not None:
        loop.add_reader(parent, closing.set)
    runner = runner_of(app)
    await runner.setup()
    assert runner.server is not None
    connect = Connections(runner.server, connections_max())
    listening = await loop.create_server(connect, sock=listener, backlog=BACKLOG)
    try:
        ready(_address(listener))
        await closing.wait()
        draining = asyncio.create_task(app[MANAGER].runs.drain(drain_seconds))
        hurrying = asyncio.create_task(hurry.wait())
        await asyncio.wait((draining, hurrying), return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, hurrying):
            task.cancel()
        await asyncio.gather(draining, hurrying, return_exceptions=True)
    finally:
        listening.close()
        await runner.cleanup()
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        if parent is not None:
            loop.remove_reader(parent)
            os.close(parent)


def listen(host: str, port: int) -> socket.socket:
    """Take an address, before anything else takes time; who connects already waits.

    Args:
        port: 0: any that is free.

    Raises:
        EnvironmentProblem: the port is in use, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EnvironmentProblem(f"can't listen on {host}:{port}: {reason}; choose another --port") from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
