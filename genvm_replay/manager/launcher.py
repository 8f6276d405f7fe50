"""The manager's side of the process that forks: starts it, gives it work, hears at once when work has ended.

The launcher forks for each run: our own executor starts from what is loaded, another program is executed in its place.
So whatever runs dies with the launcher, and the launcher with the manager.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Final

from ..errors import EnvironmentProblem
from ..forking.link import ANSWER, HEADER, TAKEN, Request, release

WORKER: Final = "genvm_replay.manager.worker"
READY: Final = b"ready\n"
LOST: Final = "the process that starts executors ended"
REFUSED: Final = f"{LOST}, has too much to do, or is of another release"


class Launched:
    """A process that works for the manager.

    Attributes:
        taken: done when the process is there; EnvironmentProblem where it was refused.
        exited: its exit code, or minus the number of the signal that ended it; EnvironmentProblem where the launcher
            ended first.
    """

    def __init__(self, link: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = link
        self._received = b""
        self.taken: asyncio.Future[None] = self._loop.create_future()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(link, self._hear)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self._send(SIGTERM)

    def kill(self) -> None:
        """End it now (SIGKILL)."""
        self._send(SIGKILL)

    def drop(self) -> None:
        """Hang up: it is killed where it is there, and nobody hears of it."""
        if self._link.fileno() >= 0:
            self._loop.remove_reader(self._link)
            self._link.close()

    def _send(self, number: Signals) -> None:
        with suppress(OSError):
            self._link.send(bytes([number]))

    def _hear(self) -> None:
        try:
            data = self._link.recv(64)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received += data
        if self._received and not self.taken.done():
            self.taken.set_result(None)
        if data and len(self._received) < len(TAKEN) + ANSWER.size:
            return
        self.drop()
        if not self.taken.done():
            self.taken.set_exception(EnvironmentProblem(REFUSED))
            return
        if self.exited.done():
            return
        if data:
            self.exited.set_result(ANSWER.unpack(self._received[len(TAKEN) :])[0])
        else:
            self.exited.set_exception(EnvironmentProblem(LOST))


class Launcher:
    """The process that forks."""

    def __init__(
        self, cache: Path, program: str = WORKER, environment: Mapping[str, str] | None = None
    ) -> None:
        """
        Args:
            cache: of the runtime.
            program: the module that serves, started with the socket and the cache.
            environment: of it; None: that of this process.
        """
        self._cache = cache
        self._program = program
        self._environment = None if environment is None else dict(environment)
        self._folder = Path(tempfile.mkdtemp(prefix="genvm-manager-"))
        self._socket = str(self._folder / "launcher")
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._release = release()

    async def start(self) -> None:
        """Start it, unless it runs. Who is cancelled meanwhile leaves it to the others.

        Raises:
            EnvironmentProblem: it does not get ready; what it said is in the log.
        """
        if self._starting is None:
            if self._process is not None and self._process.poll() is None:
                return
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._started)
        await asyncio.shield(self._starting)

    def _started(self, starting: asyncio.Task[None]) -> None:
        self._starting = None
        if not starting.cancelled():
            starting.exception()  # whoever waited may have gone

    async def _start(self) -> None:
        words = [sys.executable, "-m", self._program, self._socket, str(self._cache)]
        process = self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
        )
        assert process.stdout is not None
        said = await asyncio.to_thread(process.stdout.readline)
        if said != READY:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise EnvironmentProblem("executors can't be started: see the log for what the launcher said")

    @property
    def pid(self) -> int | None:
        """Of the process, if it was started."""
        return None if self._process is None else self._process.pid

    async def launch(
        self,
        arguments: Sequence[str],
        files: Mapping[int, int],
        environment: Mapping[str, str],
        folder: str = "/",
    ) -> Launched:
        """Start a process.

        Args:
            files: descriptors by the numbers that the process knows them under; they stay the caller's.

        Raises:
            EnvironmentProblem: it can't be started.
        """
        request = Request(self._release, folder, list(files), list(arguments), dict(environment)).encode()
        link = await self._connect()
        try:
            socket.send_fds(link, [HEADER.pack(len(request))], list(files.values()))
            await asyncio.get_running_loop().sock_sendall(link, request)
        except BaseException as error:
            link.close()
            if not isinstance(error, OSError):
                raise
            raise EnvironmentProblem(f"{LOST}: {error.strerror}") from error
        launched = Launched(link)
        try:
            await asyncio.shield(launched.taken)
        except BaseException:
            launched.drop()
            raise
        return launched

    async def _connect(self) -> socket.socket:
        """Reach the process that forks; one that has just died is replaced."""
        for is_last in (False, True):
            await self.start()
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                link.connect(self._socket)
                return link
            except OSError as error:
                link.close()
                if is_last or not isinstance(error, ConnectionRefusedError):
                    raise EnvironmentProblem(f"{LOST}, or has too much to do: {error.strerror}") from error
            assert self._process is not None
            self._process.kill()  # it hangs up a moment before the system calls it dead
            await asyncio.to_thread(self._process.wait)
        raise AssertionError("the last attempt gives a link or raises")

    async def close(self) -> None:
        """End it, and with it all that it started."""
        process = self._process
        if self._starting is not None:
            self._starting.cancel()
            if process is not None:
                process.kill()
            await asyncio.wait([self._starting])
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()  # its lifeline
            await asyncio.to_thread(process.wait)
        shutil.rmtree(self._folder, ignore_errors=True)
