"""Runs one VM: picks the program for the form of the contract, starts it, reads how it ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Final

import wasmtime

from ..errors import EnvironmentProblem, GuestFault
from ..journal.run import Limits
from .contract_module.invalid import InvalidContractModule
from .contract_module.module import ContractModule, prepare_contract_module
from .engine import Build, new_contract_engine
from .fingerprint import Baseline, Zeros, fingerprint_of, memory_hash
from .genlayer_sdk.table import SDK_CALLS
from .guest import Guest
from .instance import Instance, Program
from .outcome import Outcome, outcome_of
from .python_runtime.runtime import IMAGE_KINDS, PythonRuntime
from .stdin import stdin_of
from .stops import TIMEOUT, GuestStop, VmError
from .sub_vms import SubVms
from .vm_plan import VmPlan, VmReport
from .wasip1.descriptors import Descriptors
from .wasip1.files import Directory
from .wasip1.table import WASI_CALLS

WASM_IMPORTS: Final = {"wasi_snapshot_preview1": WASI_CALLS, "genlayer_sdk": SDK_CALLS}
ENTRY_NAMES: Final = (b"", b"_start")
PROGRAMS_MAX: Final = 16  # compiled wasm contracts kept in memory
STOPPED_FROM_OUTSIDE: Final = (TIMEOUT, "wasm_trap")


@dataclass(frozen=True, slots=True)
class Started:
    """An instance that is ready to be entered.

    Attributes:
        image: kind of the snapshot that a Python guest started from.
        account: name of the global that tells why a contract module trapped; see contract_module.
    """

    instance: Instance
    entry: bytes
    arguments: tuple[int, ...]
    baseline: Baseline
    image: str = ""
    account: str = ""


class Machine:
    """One build with its limits, for all VMs of one run: nested ones, and validators in the background."""

    def __init__(
        self, runtime: PythonRuntime, build: Build, limits: Limits, *, image: str | None = None
    ) -> None:
        """
        Args:
            image: the snapshot that the main VM of a Python contract must start from (one of IMAGE_KINDS); None: the
                best there is.
        """
        if image and image not in IMAGE_KINDS:
            raise EnvironmentProblem(f"the record asks for the unknown image {image!r}")
        self._runtime = runtime
        self._build = build
        self._limits = limits
        self._image = image
        self._programs: set[Program] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._started: float | None = None

    def interrupt(self) -> None:
        """Stop the present run soon: its outcome is `timeout`. Works on the EPOCH build only."""
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
        start = {"python": self._start_python, "wasm": self._start_wasm}[plan.contract.form]
        try:
            started = start(plan, sub_vms)
        except (GuestStop, EnvironmentProblem) as stop:
            return VmReport(outcome=self._renamed(outcome_of(stop)))
        try:
            return self._finish(started)
        finally:
            started.instance.close()

    def _start_python(self, plan: VmPlan, sub_vms: SubVms) -> Started:
        runtime, code = self._runtime, plan.contract.code
        kind, image = runtime.image_for(code, self._image if plan.depth == 0 else None)
        guest = _guest(plan, sub_vms, runtime.files_for(code))
        program = self._using(runtime.program(self._build))
        limits = self._limits
        instance = image.restore(program, guest, memory_bytes=limits.memory_bytes, fuel=limits.fuel)
        return Started(instance, b"PyObject_CallNoArgs", (image.facts.main,), image, kind)

    def _start_wasm(self, plan: VmPlan, sub_vms: SubVms) -> Started:
        deterministic = plan.rights.deterministic
        program, module = wasm_program(plan.contract.code, self._build, deterministic=deterministic)
        self._using(program)
        guest, limits = _guest(plan, sub_vms, Directory("/")), self._limits
        try:
            instance = Instance(program, guest, memory_bytes=limits.memory_bytes, fuel=limits.fuel)
        except wasmtime.WasmtimeError as error:
            raise VmError("OOM", str(error)) from error
        entry = next((name for name in ENTRY_NAMES if instance.export(name)), None)
        if entry is None:
            instance.close()
            raise VmError("invalid_contract", "the module exports no function _start")
        return Started(instance, entry, (), Zeros(), account=module.account)

    def _using(self, program: Program) -> Program:
        with self._lock:
            self._programs.add(program)
        return program

    def _finish(self, started: Started) -> VmReport:
        """Call the entry function of an instance and report on it."""
        instance, image, account = started.instance, started.image, started.account
        stop = self._call(instance, started.entry, started.arguments)
        outcome = outcome_of(stop, instance.global_i32(account.encode()) if account else None)
        outcome = self._renamed(outcome)
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


def _guest(plan: VmPlan, sub_vms: SubVms, root: Directory) -> Guest:
    return Guest(plan=plan, sub_vms=sub_vms, descriptors=Descriptors.standard(root, stdin_of(plan)))


@lru_cache(maxsize=PROGRAMS_MAX)
def wasm_program(code: bytes, build: Build, *, deterministic: bool) -> tuple[Program, ContractModule]:
    """Check, compile and link a wasm contract. The engine sees the original too: only that shows whether it is valid.

    Raises:
        VmError: `invalid_contract`: no valid module, or it imports what does not exist.
    """
    engine = new_contract_engine(build)
    try:
        wasmtime.Module.validate(engine, code)
        module = prepare_contract_module(code, deterministic=deterministic)
        compiled = wasmtime.Module(engine, module.code)
        return Program(engine, compiled, build, WASM_IMPORTS, module_name=module.name), module
    except (wasmtime.WasmtimeError, InvalidContractModule) as error:
        raise VmError("invalid_contract", str(error)) from error
