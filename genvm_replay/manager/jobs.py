"""Heavy or risky work in processes of its own: re-executions, schemas, comparisons.

A job is a command line of `genvm-replay --json`: what a service does is what a user can repeat on a terminal, and code
of strangers never runs in this process. Each is forked from a process that has the code loaded, and killed at its time
limit, or when whoever asked has gone, or with the service. Names of databases, which may hold a password, travel in
the environment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..errors import EnvironmentProblem, ReplayError
from .launcher import Launcher
from .pipes import Pipes
from .refusals import Busy, TookTooLong

OUTPUT_BYTES_MAX: Final = 64 << 20
ERROR_TEXT_MAX: Final = 4000  # characters of standard error that an error has
INHERITED: Final = ("PATH", "HOME", "LANG", "LC_", "TMPDIR", "XDG_", "PG", "GENVM_REPLAY_", "VIRTUAL_ENV")
SECRET: Final = "GENVM_REPLAY_TOKEN"
DATABASE_VARIABLE: Final = "GENVM_REPLAY_DB"
PROGRAM: Final = "genvm_replay.cli.job_server"


class JobFailed(ReplayError):
    """The job could not do what it was asked; the text is that of the command.

    Attributes:
        kind: `usage`, `journal`, `difference`, `environment` or `internal`.
    """

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Limits:
    """What jobs may take.

    Attributes:
        at_once: so many run, the others wait.
        waiting_max: so many wait, the next is refused.
        seconds: that one may run.
    """

    at_once: int = 2
    waiting_max: int = 64
    seconds: float = 120.0


class Jobs:
    """Starts jobs, a few at a time. An asynchronous context manager: leaving it ends what runs.

    Attributes:
        environment: what jobs see of the environment.
    """

    def __init__(self, limits: Limits, environment: Mapping[str, str], cache: Path) -> None:
        """
        Args:
            environment: of this process; jobs get the part of it that they need.
            cache: of the runtime.
        """
        self._limits = limits
        self._places = asyncio.Semaphore(limits.at_once)
        self.environment = {
            name: value
            for name, value in environment.items()
            if name.startswith(INHERITED) and name != SECRET
        }
        self._launcher = Launcher(cache, PROGRAM, self.environment)
        self.running = 0
        self.waiting = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._launcher.close()

    async def run(self, *words: str, database: str | None = None) -> list[dict[str, Any]]:
        """Run a command; the JSON objects that it printed.

        Args:
            database: path or URL of the journal.

        Raises:
            JobFailed: the command told an error. TookTooLong: it was stopped. Busy: too many wait.
            EnvironmentProblem: it ended otherwise.
        """
        if self.waiting >= self._limits.waiting_max:
            raise Busy(f"{self.waiting} requests wait already")
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            return await self._run(words, database)
        finally:
            self.running -= 1
            self._places.release()

    async def _run(self, words: Sequence[str], database: str | None) -> list[dict[str, Any]]:
        variables = self.environment | ({DATABASE_VARIABLE: database} if database else {})
        out, err, pipes = Kept(), Kept(), Pipes()
        pipes.silence(0)
        pipes.add(1, out.feed)
        pipes.add(2, err.feed)
        try:
            launched = await self._launcher.launch(["--json", *words], pipes.files, variables)
            pipes.handed_over()
            try:
                async with asyncio.timeout(self._limits.seconds):
                    code = await asyncio.shield(launched.exited)
            except TimeoutError as error:
                raise TookTooLong(f"{words[0]} was stopped after {self._limits.seconds:g} s") from error
            finally:
                launched.kill()
                await asyncio.wait([launched.exited])
        finally:
            pipes.finish()
        if out.is_cut:
            raise EnvironmentProblem(f"{words[0]} printed more than {OUTPUT_BYTES_MAX} bytes")
        return told(words[0], code, bytes(out.data), bytes(err.data))


class Kept:
    """What a job printed, up to OUTPUT_BYTES_MAX."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_cut = False

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self.is_cut = self.is_cut or len(self.data) + len(data) > OUTPUT_BYTES_MAX
        if not self.is_cut:
            self.data += data


def told(name: str, code: int, out: bytes, err: bytes) -> list[dict[str, Any]]:
    """What a command printed; exit code 1 is a finding, no failure.

    Raises:
        JobFailed: the command told an error. EnvironmentProblem: it ended otherwise.
    """
    try:
        objects = [json.loads(line) for line in out.splitlines()]
    except ValueError as error:
        raise EnvironmentProblem(f"{name} printed no JSON, exit code {code}") from error
    if objects and isinstance(objects[-1].get("error"), dict):
        found = objects[-1]["error"]
        raise JobFailed(str(found["kind"]), str(found["message"]))
    if code < 0 or (code and not objects):
        text = err.decode(errors="replace")[-ERROR_TEXT_MAX:]
        raise EnvironmentProblem(f"{name} ended with {code}: {text}")
    return objects
