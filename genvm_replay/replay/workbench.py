"""What every role needs at hand: the store, the Python runtime, and the thread that guests run on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from ..executor.effects import Effects
from ..executor.engine import Build
from ..executor.fuel_clock import FuelClock
from ..executor.guest_thread import GuestThread
from ..executor.machine import Machine
from ..executor.python_runtime.runtime import PythonRuntime
from ..executor.rights import Rights
from ..executor.runners.registry import Registry
from ..executor.transaction import RunReport, run_transaction
from ..executor.vm_watch import VmWatch
from ..journal.run import RunFooter, RunHeader
from ..journal.store import Store


class Workbench:
    """One process's tools. The runtime is made ready when it is first needed."""

    def __init__(
        self, store: Store, make_runtime: Callable[[], PythonRuntime], *, runners_dir: Path | None = None
    ) -> None:
        """
        Args:
            runners_dir: where official runner archives are; None: nowhere.
        """
        self.store = store
        self._runners_dir = runners_dir
        self._make_runtime = make_runtime

    @cached_property
    def runtime(self) -> PythonRuntime:
        """The Python runtime."""
        return self._make_runtime()

    @cached_property
    def thread(self) -> GuestThread:
        """The thread that guests run on."""
        return GuestThread()

    def registry(self, *, debug_mode: bool) -> Registry:
        """Where runners come from."""
        return Registry(self._runners_dir, debug_mode=debug_mode)

    def close(self) -> None:
        """End the guest thread, if there is one. The store stays open."""
        if "thread" in self.__dict__:
            self.thread.close()

    def execute(
        self,
        header: RunHeader,
        effects: Effects,
        build: Build,
        *,
        image: str | None = None,
        cancel: Callable[[], None] = lambda: None,
        clock: FuelClock | None = None,
        watch: VmWatch | None = None,
    ) -> RunReport:
        """Run the transaction that a header describes, through the given door.

        Args:
            image: the snapshot to start from, as a record says; None: the best there is.
            cancel: ends what the door waits for, when the run is stopped from outside.
            clock: stops the run at a point and looks at its VMs.
            watch: takes note of every VM.

        Raises:
            Divergence: the door is a replaying one, and the run departs from its record.
            EnvironmentProblem: the runtime or the host is not in order.
        """
        registry = self.registry(debug_mode=header.limits.debug_mode) if self._runners_dir else None
        machine = Machine(
            *(self.runtime, build, header.limits), image=image, registry=registry, clock=clock, watch=watch
        )
        rights = Rights.from_letters(header.permissions)
        sync, gated = header.role == "sync", header.limits.version_gate

        def interrupt() -> None:
            machine.interrupt()
            cancel()

        return self.thread.run(
            lambda: run_transaction(header.message, rights, effects, machine, sync=sync, gated=gated),
            interrupt=interrupt,
            time_left_s=machine.time_left_s,
        )


def footer_of(report: RunReport) -> RunFooter:
    """What is kept of a run that is over."""
    return RunFooter(
        kind=report.outcome.kind,
        payload=report.outcome.payload,
        code_hash=report.code_hash,
        image=report.image,
        storage_hash=report.storage_hash,
        memory_hash=report.memory_hash,
        interrupted=report.outcome.interrupted,
        runners=report.runners,
    )
