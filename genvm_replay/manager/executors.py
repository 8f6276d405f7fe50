"""Launches executors: ours with a task, other programs with a command line (spec/manager-modules.md 6.7, both shapes).

The executor dials the node's host itself. What it prints is read from pipes as it comes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final

import msgspec

from .. import calldata
from ..errors import EnvironmentProblem
from .launcher import Launched, Launcher
from .orders import RunOrder
from .output import HeadAndTail, LogLines
from .pipes import Pipes
from .tasks import Surroundings, read_arguments, task_of
from .versions import Executor
from .worker import LOG_FILE, RECORD_FILE

PASSED_ON: Final = "PG"  # to our own executor: how to reach a Postgres journal
RECORD_BYTES_MAX: Final = 512 << 20  # of a run that no checkpoint has taken
OutputTaker = Callable[[str, Any], None]  # stream (stdout, stderr, log), and a text or a line


class Execution:
    """An executor at work, and what it prints. Closed by `finish`."""

    def __init__(self, order: RunOrder, on_output: OutputTaker) -> None:
        """
        Args:
            on_output: is told all that is printed, at once.
        """
        self.stdout, self.stderr = HeadAndTail(), HeadAndTail()
        self.log = LogLines(lambda line: on_output("log", line))
        self.record: bytearray | None = bytearray()
        self.launched: Launched | None = None
        self.pipes = Pipes()
        self.pipes.add(LOG_FILE, self.log.feed)
        if not order.capture_output:
            self.pipes.silence(1, 2)
            return
        for number, keep, stream in ((1, self.stdout, "stdout"), (2, self.stderr, "stderr")):
            self.pipes.add(number, _kept_and_told(keep, on_output, stream))

    def expect_record(self) -> None:
        """The executor is ours and will send a record."""
        self.pipes.add(RECORD_FILE, self._take_record)

    def finish(self) -> None:
        """Read what is still in the pipes, close them."""
        self.pipes.finish()
        self.log.finish()

    def _take_record(self, data: bytes) -> None:
        if self.record is None:
            return
        self.record += data
        if len(self.record) > RECORD_BYTES_MAX:
            self.record = None


class Executors:
    """Starts executors."""

    def __init__(self, launcher: Launcher, surroundings: Surroundings) -> None:
        self._launcher = launcher
        self._surroundings = surroundings

    def check(self, order: RunOrder, executor: Executor) -> None:
        """Refuse an order that an executor can't be given: other programs may take words that name files.

        Raises:
            UsageError: names the field.
        """
        read_arguments(order.extra_args)

    async def start(
        self, run_id: int, order: RunOrder, executor: Executor, on_output: OutputTaker
    ) -> Execution:
        """Start an executor for a run.

        Raises:
            EnvironmentProblem: `executor_failed_to_start`.
        """
        execution = Execution(order, on_output)
        try:
            if executor.program is None:
                execution.expect_record()
                data = msgspec.msgpack.encode(task_of(run_id, order, self._surroundings))
                words = ["run"]
                environment = {
                    name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)
                }
            else:
                data = b"" if order.calldata is None else execution_data(order)
                words = ["exec", *command_line(str(executor.program), run_id, order)]
                environment = dict(os.environ)
            execution.pipes.give(0, data)
            execution.launched = await self._launcher.launch(words, execution.pipes.files, environment)
        except BaseException as error:
            execution.finish()
            if not isinstance(error, EnvironmentProblem | OSError):
                raise
            raise EnvironmentProblem(f"executor_failed_to_start: {error}") from error
        execution.pipes.handed_over()
        return execution


def command_line(program: str, run_id: int, order: RunOrder) -> list[str]:
    """The words of another executor: with the calldata on standard input where the order has it, else with all here."""
    words = [program, f"--log-fd={LOG_FILE}", "run", *order.extra_args]
    words += ["--sync"] if order.is_sync else []
    if order.calldata is not None:
        pages = [] if order.storage_pages is None else ["--storage-pages", str(order.storage_pages)]
        return [*words, *pages, "--host", order.host, f"--genvm-id={run_id}"]
    told = {"--host-data": json.dumps(order.host_data), "--message": json.dumps(order.message)}
    words += ["--host-data", told["--host-data"], "--host", order.host, "--message", told["--message"]]
    return [*words, f"--cookie={run_id:016x}"]


def execution_data(order: RunOrder) -> bytes:
    """What such an executor reads from standard input: calldata."""
    return calldata.encode(
        {
            "calldata": order.calldata,
            "message": dict(order.message),
            "host_data": json.dumps(order.host_data),
            "code": order.code,
        }
    )


def _kept_and_told(keep: HeadAndTail, on_output: OutputTaker, stream: str) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        keep.feed(data)
        on_output(stream, data.decode(errors="replace"))

    return take
