"""Where the service gets its workers: it starts the nursery, and tells it to fork and to kill."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ...errors import EnvironmentProblem
from . import frames
from .setup import FORK, KILL, ORDER, Setup

ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
"""What the nursery gets of the environment. Keys of providers stand there too, and no script may read them."""
ROOT: Final = Path(__file__).parents[3]
START: Final = """
import sys
sys.path.append(sys.argv[2])  # where this package stands, if it is not installed
from genvm_replay.modules.lua.nursery import main
main()
"""
END_S: Final = 5
SETUP_MAX: Final = 64 << 20


class ForkServer:
    """One nursery. Started again if it died."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._numbers: Iterator[int] = itertools.count()

    async def fork(self) -> tuple[int, socket.socket]:
        """A new worker: its number for `kill`, and our end of its pipe.

        Raises:
            EnvironmentProblem: no process can be started.
        """
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                async with self._starting:
                    if not self._order(FORK, number, theirs):
                        await self._start()
                        self._order(FORK, number, theirs)
            except BaseException:
                ours.close()
                raise
        return number, ours

    def kill(self, number: int) -> None:
        """End a worker, whatever it does; nothing happens if it is gone."""
        self._order(KILL, number)  # refused only where the nursery is gone, and its workers with it

    def _order(self, what: bytes, number: int, *pipes: socket.socket) -> bool:
        """Whether the nursery could be told."""
        if self._control is None:
            return False
        try:
            socket.send_fds(self._control, [ORDER.pack(what, number)], [pipe.fileno() for pipe in pipes])
        except OSError:
            return False
        return True

    async def close(self) -> None:
        """End the nursery and all its workers."""
        if self._control is not None:
            self._control.close()
            self._control = None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            try:
                await asyncio.wait_for(process.wait(), END_S)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _start(self) -> None:
        await self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-W", "ignore", "-c", START, str(theirs.fileno()), str(ROOT),
                    stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                )  # fmt: skip
            except OSError as error:
                ours.close()
                raise EnvironmentProblem(f"no Lua worker can be started: {error}") from error
        ours.setblocking(False)
        self._control = ours
        frame = frames.encode(["setup", _fields(self._setup)], size_max=SETUP_MAX)
        await asyncio.get_running_loop().sock_sendall(ours, frame)
        ours.settimeout(END_S)  # orders are a few bytes, and the nursery does nothing but read them


def _fields(setup: Setup) -> dict[str, Any]:
    return asdict(setup)
