"""One transaction for a node that is somebody else's: its host over a socket, its modules, our executor."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..executor.effects import Live, Recording, Streams
from ..executor.effects.door import Effects
from ..executor.engine import Build
from ..executor.guest_thread import GuestThread
from ..executor.machine import Machine
from ..executor.moment import clock_ns
from ..executor.python_runtime.runtime import PythonRuntime
from ..executor.rights import Rights
from ..executor.runners.registry import Registry
from ..executor.transaction import RunReport, run_transaction
from ..host_bridge.client import HostClient
from ..host_bridge.module_client import ModuleClient
from ..journal.events import WriteStream
from ..journal.run import RunHeader

if TYPE_CHECKING:
    from ..journal.recorder import RunRecorder

GRACE_S: Final = 20.0  # for handing over the result after a signal, if the host is slow


@dataclass(slots=True)
class PassingStreams(Streams):
    """The guest's streams are the process's own: each write goes out at once."""

    def write(self, request: WriteStream) -> None:
        """Write to standard output or standard error."""
        data = memoryview(request.data)
        while data:
            data = data[os.write(request.stream, data) :]


def execute_for_node(
    header: RunHeader,
    runtime: PythonRuntime,
    host: HostClient,
    modules: ModuleClient,
    recorder: RunRecorder | None,
    streams: Streams,
    *,
    registry: Registry,
    debug: bool,
    on_interrupt: Callable[[Callable[[], None]], Any],
) -> RunReport:
    """Run a transaction and hand its result over.

    Args:
        on_interrupt: is given what stops the guest, to be called from a signal handler.

    Raises:
        HostLost, PeerProtocolError: the host went away; no result was handed over.
    """
    note = None if recorder is None else recorder.note_attempts
    door: Effects = Live(host, clock_ns(header.message), streams, modules, debug=debug, note_attempts=note)
    if recorder is not None:
        door = Recording(door, recorder)
    machine = Machine(runtime, Build.EPOCH, header.limits, registry=registry)

    def stop() -> None:
        machine.interrupt()
        modules.cancel()
        last_word = threading.Timer(GRACE_S, host.cancel)
        last_word.daemon = True
        last_word.start()

    on_interrupt(stop)
    thread = GuestThread()
    try:
        return thread.run(
            lambda: run_transaction(
                header.message,
                Rights.from_letters(header.permissions),
                door,
                machine,
                sync=header.role == "sync",
                gated=header.limits.version_gate,
            ),
            interrupt=stop,
            time_left_s=machine.time_left_s,
        )
    finally:
        modules.finish()
        thread.close()
