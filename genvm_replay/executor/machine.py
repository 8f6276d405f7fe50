"""Runs one VM: picks the program for the form of the contract, starts it, reads how it ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Final

import wasmtime

from ..errors import Divergence, EnvironmentProblem, GuestFault
from ..journal.run import Limits
from .contract import REMEMBERED_BYTES_MAX, Contract
from .engine import Build
from .fingerprint import Baseline, Zeros, fingerprint_of, memory_hash
from .fuel_clock import FuelClock
from .guest import Guest
from .instance import Instance, Program
from .memory_budget import MemoryBudget
from .outcome import Outcome, outcome_of
from .python_runtime.runtime import IMAGE_KINDS, PythonRuntime
from .runners.planner import plan_start
from .runners.refusal import NothingStarted
from .runners.registry import Registry
from .runners.stand_ins import PYTHON_ENV
from .runners.start_plan import PythonStart, StartPlan
from .stdin import stdin_of
from .stops import TIMEOUT, GuestStop, InternalFailure, VmError
from .sub_vms import SubVms
from .vm_plan import VmPlan, VmReport
from .vm_watch import VmWatch
from .wasip1.descriptors import Descriptors
from .wasip1.files import Directory

ENTRY_NAMES: Final = (b"", b"_start")
PYTHON_ENV_LINES: Final = tuple(sorted(f"{variable.name}={variable.val}" for variable in PYTHON_ENV))
PLANS_KEPT: Final = 64  # in this process
STOPPED_FROM_OUTSIDE: Final = (TIMEOUT, "wasm_trap")


@dataclass(frozen=True, slots=True)
class Started:
    """An instance that is ready to be entered.

    Attributes:
        image: kind of the snapshot that a Python guest started from.
    """

    instance: Instance
    entry: bytes
    arguments: tuple[int, ...]
    baseline: Baseline
    image: str = ""


class Machine:
    """One build with its limits, for all VMs of one run: nested ones, and validators in the background."""

    def __init__(
        self,
        runtime: PythonRuntime,
        build: Build,
        limits: Limits,
        *,
        image: str | None = None,
        registry: Registry | None = None,
        clock: FuelClock | None = None,
        watch: VmWatch | None = None,
    ) -> None:
        """
        Args:
            registry: where runners come from; None: stand-ins only.
            clock: looks at VMs that stop.
            watch: takes note of every VM.
            image: the snapshot that the main VM of a Python contract must start from (one of IMAGE_KINDS); None: the
                best there is.
        """
        if image and image not in IMAGE_KINDS:
            raise EnvironmentProblem(f"the record asks for the unknown image {image!r}")
        self._runtime = runtime
        self._build = build
        self._limits = limits
        self._image = image
        self._registry = registry or stand_ins_only(limits.debug_mode)
        self._clock = clock
        self._watch = watch
        self._programs: set[Program] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._started: float | None = None
        self._main_start: tuple[Contract, str] | None = None

    def interrupt(self) -> None:
        """Stop the present run soon: its outcome is `timeout`. Works on the EPOCH and FUEL builds."""
        self._stopped = True
        self._runtime.interrupt()
        with self._lock:
            for program in self._programs:
                program.interrupt()

    def time_left_s(self) -> float | None:
        """Seconds until the deadline, 0 when it has passed; None without one.

        The time runs from the start of the first VM: making the runtime and an image ready does not count.
        """
        if self._limits.deadline_ms is None:
            return None
        used = 0.0 if self._started is None else monotonic() - self._started
        return max(0.0, self._limits.deadline_ms / 1000 - used)

    def __call__(self, plan: VmPlan, sub_vms: SubVms) -> VmReport:
        """Run one VM."""
        if self._watch is None:
            return self._run(plan, sub_vms)
        self._watch.began(plan)
        report = self._run(plan, sub_vms)
        self._watch.ended(plan, report)
        return report

    def _run(self, plan: VmPlan, sub_vms: SubVms) -> VmReport:
        try:
            started = self._start(plan, sub_vms)
        except NothingStarted as error:
            return VmReport(outcome=outcome_of(InternalFailure(str(error))))
        except (GuestStop, EnvironmentProblem) as stop:
            return VmReport(outcome=self._renamed(outcome_of(stop)))
        try:
            return self._finish(started)
        except Divergence as found:
            if not found.vm:  # the innermost VM knows best
                found.vm = plan.described
                found.traceback = self._runtime.dump_traceback(started.instance) if started.image else ""
            raise
        finally:
            started.instance.close()

    def _start(self, plan: VmPlan, sub_vms: SubVms) -> Started:
        start, size = planned(plan.contract, self._registry, deterministic=plan.rights.deterministic)
        plan.run.runners.update((runner.key, runner.origin) for runner in start.runners)
        budget = MemoryBudget(self._limits.memory_bytes)
        budget.take(plan.held, "what other VMs hold, and the contract's code,")
        budget.take(size, "files")
        if isinstance(start.start, PythonStart):
            return self._start_python(plan, sub_vms, start, budget)
        return self._start_wasm(plan, sub_vms, start, budget)

    def _start_python(self, plan: VmPlan, sub_vms: SubVms, start: StartPlan, budget: MemoryBudget) -> Started:
        runtime = self._runtime
        check_python_plan(start)
        libraries = start.start.libraries if isinstance(start.start, PythonStart) else ()
        kind, image = runtime.image_for(start.files, self._image_kind(plan), libraries)
        self._main_start = self._main_start or (plan.contract, kind)
        guest = _guest(plan, sub_vms, runtime.files_for(start.files, libraries), budget)
        program = self._using(runtime.program(self._build))
        instance = image.restore(program, guest, fuel=self._fuel_for(plan))
        return Started(instance, b"PyObject_CallNoArgs", (image.facts.main,), image, kind)

    def _image_kind(self, plan: VmPlan) -> str | None:
        """The snapshot a VM must start from: a sub-VM of the main contract starts as the main VM did."""
        if self._main_start is None:
            return self._image
        contract, kind = self._main_start
        return kind if plan.contract is contract else None

    def _start_wasm(self, plan: VmPlan, sub_vms: SubVms, start: StartPlan, budget: MemoryBudget) -> Started:
        from .contract_program import (  # slow to import; Python contracts do without
            start_failure,
            wasm_program,
        )

        guest = _guest(plan, sub_vms, start.root, budget)
        guest.args, guest.environment = start.args, start.env
        program = self._using(wasm_program(start, self._build, deterministic=plan.rights.deterministic))
        try:
            instance = Instance(program, guest, fuel=self._fuel_for(plan))
        except (wasmtime.WasmtimeError, wasmtime.Trap, GuestStop) as error:
            if self._clock is not None:
                self._clock.check_start(plan, error)
            raise start_failure(error) from error
        entry = next((name for name in ENTRY_NAMES if instance.export(name)), None)
        if entry is None:
            instance.close()
            raise VmError("invalid_contract", "the module exports no function _start")
        return Started(instance, entry, (), Zeros())

    def _fuel_for(self, plan: VmPlan) -> int | None:
        own = self._limits.fuel
        return own if self._clock is None else self._clock.limit(plan, own)

    def _using(self, program: Program) -> Program:
        with self._lock:
            self._programs.add(program)
        return program

    def _finish(self, started: Started) -> VmReport:
        """Call the entry function of an instance and report on it."""
        instance, image = started.instance, started.image
        stop = self._call(instance, started.entry, started.arguments)
        if self._clock is not None:
            self._clock.look(instance, image, started.baseline, stop, self._runtime)
        if self._watch is not None:
            self._watch.look(instance, image, started.baseline, self._limits.fuel)
        outcome = self._renamed(outcome_of(stop, instance.account()))
        left = instance.fuel_left()
        if outcome.kind in ("user_error", "vm_error") and instance.guest.plan.has_fingerprint:
            outcome = outcome.with_fingerprint(fingerprint_of(instance))
        main = instance.guest.plan.depth == 0 and not outcome.interrupted
        return VmReport(
            outcome=outcome,
            image=image,
            memory_hash=memory_hash(instance.guest.memory, started.baseline) if main else None,
            traceback=self._traceback(instance, outcome) if image else "",
            fuel_used=None if left is None or self._limits.fuel is None else self._limits.fuel - left,
        )

    def _call(self, instance: Instance, entry: bytes, arguments: tuple[int, ...]) -> Exception | None:
        try:
            self._started = self._started or monotonic()
            if self._stopped:
                raise VmError(TIMEOUT)
            instance.call(entry, *arguments)
            if arguments:
                raise EnvironmentProblem("the Python runner came back without a result")
        except (GuestStop, GuestFault, EnvironmentProblem, wasmtime.Trap) as stop:
            return stop
        return None

    def _renamed(self, outcome: Outcome) -> Outcome:
        """Once the run was stopped from outside, every failure is a timeout (spec/executor.md 1.6)."""
        if self._stopped and outcome.kind in ("vm_error", "internal_error"):
            return outcome_of(VmError(TIMEOUT, outcome.cause))
        return outcome

    def _traceback(self, instance: Instance, outcome: Outcome) -> str:
        """Where a Python guest was when it was stopped from outside; `` if it stopped by itself."""
        if outcome.kind == "vm_error" and outcome.payload.decode().startswith(STOPPED_FROM_OUTSIDE):
            return self._runtime.dump_traceback(instance)
        return ""


def _guest(plan: VmPlan, sub_vms: SubVms, root: Directory, budget: MemoryBudget) -> Guest:
    return Guest(plan=plan, sub_vms=sub_vms, descriptors=Descriptors.standard(root, stdin_of(plan), budget))


@lru_cache(maxsize=2)
def stand_ins_only(debug_mode: bool) -> Registry:
    """The registry of a machine without official archives."""
    return Registry(debug_mode=debug_mode)


def planned(contract: Contract, registry: Registry, *, deterministic: bool) -> tuple[StartPlan, int]:
    """How a contract starts, and what its files and archives take of the memory budget (spec/executor.md 8.1).

    Raises:
        VmError, NothingStarted, EnvironmentProblem: see `plan_start`.
    """
    small = contract.archive.charged_size <= REMEMBERED_BYTES_MAX
    return (_remembered_plan if small else _plan)(contract, registry, deterministic)


def _plan(contract: Contract, registry: Registry, deterministic: bool) -> tuple[StartPlan, int]:
    sizes: list[int] = []
    start = plan_start(contract.archive, registry, sizes.append, deterministic=deterministic)
    return start, sum(sizes)


_remembered_plan = lru_cache(maxsize=PLANS_KEPT)(_plan)


def check_python_plan(start: StartPlan) -> None:
    """Check that our Python runtime can give what a plan asks for.

    Raises:
        VmError: `invalid_contract`: an environment or arguments of its own.
    """
    if start.env != PYTHON_ENV_LINES:
        raise VmError("invalid_contract", "the Python runtime takes no environment variables yet")
