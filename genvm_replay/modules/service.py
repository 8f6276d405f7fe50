"""A module as a process: it says where it listens, and ends when it is told to, or when nobody needs it any more."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

from .server import ModuleServer, ServerLimits
from .session import Module

log: Final = logging.getLogger(__name__)
PARENT_PAUSE_S: Final = 0.5
STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


async def serve(
    module: AbstractAsyncContextManager[Module],
    host: str,
    port: int,
    *,
    ready: Callable[[str], None],
    limits: ServerLimits | None = None,
    parent: int | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. The first lets requests under way end (`ServerLimits.drain_s`), a second does not.

    Args:
        ready: is told the address, once.
        parent: id of the process whose end is a SIGTERM too; None: nobody's is.

    Raises:
        EnvironmentProblem: it can't listen there, or what `module` says.
    """
    own = asyncio.current_task()
    assert own is not None
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, own.cancel)
    watching = asyncio.create_task(_end_with(parent, own)) if parent is not None else None
    try:
        async with module as running, ModuleServer(running, host, port, limits) as server:
            ready(server.address)
            log.info("ready", extra={"facts": {"module": running.name, "address": server.address}})
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        log.info("stopped")
    finally:
        if watching is not None:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def _end_with(parent: int, task: asyncio.Task[None]) -> None:
    """Cancel a task when this process has another parent than that one."""
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_PAUSE_S)
    log.info("the parent has ended")
    task.cancel()


def ready_line(address: str) -> str:
    """What standard output tells: one JSON object."""
    return json.dumps({"event": "ready", "address": address})
