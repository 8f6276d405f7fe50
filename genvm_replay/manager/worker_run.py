"""One run of our own executor, in the process that was forked for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ..executor.python_runtime.runtime import PythonRuntime
from ..executor.runners.registry import Registry
from ..executor.transaction import RunReport
from ..host_bridge.module_client import ModuleClient
from ..host_bridge.modules import asking_for_attempts, hello_of
from ..journal.checkpoints import DatabaseCheckpoints
from ..journal.connection import Database
from ..journal.handed_run import encode_finished
from ..journal.recorder import RunRecorder
from ..journal.run import Limits, RunHeader
from ..replay.node_message import message_of
from ..replay.node_run import PassingStreams, execute_for_node
from ..replay.print_text import print_report
from ..replay.workbench import footer_of
from .tasks import OrderHost, Task, transaction_of

MEMORY_BYTES: Final = 0xFFFF_FFFF  # spec/executor.md 8.1
Log = Callable[[Mapping[str, Any]], None]


class Stop:
    """SIGTERM, from the first moment on: one that comes before the guest does stops it as well."""

    def __init__(self) -> None:
        self._told = False
        self._interrupt: Callable[[], None] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def arm(self, interrupt: Callable[[], None]) -> None:
        """From now on, `interrupt` stops the guest."""
        self._interrupt = interrupt
        if self._told:
            interrupt()

    def _stop(self, _number: int, _frame: object) -> None:
        self._told = True
        if self._interrupt is not None:
            self._interrupt()


def read_task(descriptor: int) -> Task:
    """Read what the manager wrote."""
    with open(descriptor, "rb", closefd=False) as file:
        return msgspec.msgpack.decode(file.read(), type=Task)


def run_task(task: Task, runtime: PythonRuntime, log: Log, record_file: int) -> int:
    """Run; write the record to a descriptor. The exit code: 0, a result was handed over.

    Raises:
        HostLost, PeerProtocolError: it was not: the host went away.
    """
    stop = Stop()
    header = header_of(task, runtime)
    runners_dir, registry_dir = (None if folder is None else Path(folder) for folder in task.runners)
    hello = hello_of(f"{task.run_id:016x}", task.host_data, task.run_id)
    hello = asking_for_attempts(hello, keep_raw=task.keep_raw)
    recorder = RunRecorder(header, DatabaseCheckpoints(lambda: _database(task.journal)))
    with recorder, OrderHost(task) as host:
        report = execute_for_node(
            header,
            runtime,
            host,
            ModuleClient(task.modules, hello),
            recorder,
            PassingStreams(),
            registry=Registry(runners_dir, registry_dir, debug_mode=task.debug_mode),
            debug=task.debug_mode,
            on_interrupt=stop.arm,
        )
    data = memoryview(encode_finished(recorder.finish(footer_of(report))))
    while data:
        data = data[os.write(record_file, data) :]
    print_report(report, task.prints)
    log(told(report))
    return 0


def header_of(task: Task, runtime: PythonRuntime) -> RunHeader:
    """What the run is bound to."""
    return RunHeader(
        tx=transaction_of(task.host_data),
        role="sync" if task.is_sync else "leader",
        parent=None,
        message=message_of(task.message, "message"),
        permissions=task.permissions,
        pins=runtime.pins,
        limits=Limits(MEMORY_BYTES, None, None, version_gate=True, debug_mode=task.debug_mode),
    )


def told(report: RunReport) -> dict[str, Any]:
    """What the log says at the end."""
    outcome = report.outcome
    level = "error" if outcome.kind == "internal_error" else "info"
    line = {"level": level, "message": "finished", "result": outcome.kind}
    return line | ({"cause": outcome.cause} if outcome.cause else {})


def _database(url: str) -> Database:
    from ..journal.database import open_database

    return open_database(url).database
