"""Runs the main VM of a transaction: picks the program for the form of the contract, starts it, reads how it ended."""

from __future__ import annotations

from functools import lru_cache
from time import monotonic
from typing import Final

import wasmtime

from ..errors import EnvironmentProblem, GuestFault
from ..journal.run import Limits
from .contract_module.invalid import InvalidContractModule
from .contract_module.module import ContractModule, prepare_contract_module
from .engine import Build, new_contract_engine
from .fingerprint import Baseline, Zeros, memory_hash
from .genlayer_sdk.table import SDK_CALLS
from .guest import Guest
from .instance import Instance, Program
from .outcome import Outcome, outcome_of
from .python_runtime.runtime import IMAGE_KINDS, PythonRuntime
from .stdin import stdin_of
from .stops import TIMEOUT, GuestStop, VmError
from .transaction import MainVm, VmReport
from .wasip1.descriptors import Descriptors
from .wasip1.files import Directory
from .wasip1.table import WASI_CALLS

WASM_IMPORTS: Final = {"wasi_snapshot_preview1": WASI_CALLS, "genlayer_sdk": SDK_CALLS}
ENTRY_NAMES: Final = (b"", b"_start")
PROGRAMS_MAX: Final = 16  # compiled wasm contracts kept in memory
STOPPED_FROM_OUTSIDE: Final = (TIMEOUT, "wasm_trap")


class Machine:
    """One build with its limits. Runs one transaction at a time."""

    def __init__(
        self, runtime: PythonRuntime, build: Build, limits: Limits, *, image: str | None = None
    ) -> None:
        """
        Args:
            image: the snapshot that a Python contract must start from (one of IMAGE_KINDS); None: the best there is.
        """
        if image and image not in IMAGE_KINDS:
            raise EnvironmentProblem(f"the record asks for the unknown image {image!r}")
        self._runtime = runtime
        self._build = build
        self._limits = limits
        self._image = image
        self._running: Program | None = None
        self._stopped = False
        self._started: float | None = None

    def interrupt(self) -> None:
        """Stop the present run soon: its outcome is `timeout`. Works on the EPOCH build only."""
        self._stopped = True
        self._runtime.interrupt()
        if self._running is not None:
            self._running.interrupt()

    def time_left_s(self) -> float | None:
        """Seconds until the deadline, 0 when it has passed; None without one.

        The time runs from the start of the VM: making the runtime and an image ready does not count.
        """
        if self._limits.deadline_ms is None:
            return None
        used = 0.0 if self._started is None else monotonic() - self._started
        return max(0.0, self._limits.deadline_ms / 1000 - used)

    def __call__(self, main: MainVm) -> VmReport:
        """Run the main VM."""
        run = {"python": self._run_python, "wasm": self._run_wasm}[main.contract.form]
        return run(main)

    def _run_python(self, main: MainVm) -> VmReport:
        runtime = self._runtime
        kind, image = runtime.image_for(main.contract.code, self._image)
        guest = _guest(main, runtime.files_for(main.contract.code))
        self._running = runtime.program(self._build)
        instance = image.restore(
            self._running, guest, memory_bytes=self._limits.memory_bytes, fuel=self._limits.fuel
        )
        return self._finish(instance, b"PyObject_CallNoArgs", (image.facts.main,), image, kind)

    def _run_wasm(self, main: MainVm) -> VmReport:
        program, module = wasm_program(main.contract.code, self._build)
        self._running = program
        guest = _guest(main, Directory("/"))
        try:
            instance = Instance(
                program, guest, memory_bytes=self._limits.memory_bytes, fuel=self._limits.fuel
            )
        except wasmtime.WasmtimeError as error:
            raise VmError("OOM", str(error)) from error
        entry = next((name for name in ENTRY_NAMES if instance.export(name)), None)
        if entry is None:
            instance.close()
            raise VmError("invalid_contract", "the module exports no function _start")
        return self._finish(instance, entry, (), Zeros(), "", account=module.account)

    def _finish(
        self,
        instance: Instance,
        entry: bytes,
        arguments: tuple[int, ...],
        baseline: Baseline,
        image: str,
        *,
        account: str = "",
    ) -> VmReport:
        """Call the entry function of an instance, report on it, close it.

        Args:
            account: name of the global that tells why a contract module trapped; see contract_module.
        """
        try:
            stop = self._call(instance, entry, arguments)
            outcome = outcome_of(stop, instance.global_i32(account.encode()) if account else None)
            left = instance.fuel_left()
            hashed = None if outcome.interrupted else memory_hash(instance.guest.memory, baseline)
            return VmReport(
                outcome=outcome,
                image=image,
                memory_hash=hashed,
                traceback=self._traceback(instance, outcome) if image else "",
                fuel_used=None if left is None or self._limits.fuel is None else self._limits.fuel - left,
            )
        finally:
            self._running = None
            instance.close()

    def _call(self, instance: Instance, entry: bytes, arguments: tuple[int, ...]) -> Exception | None:
        try:
            self._started = monotonic()
            if self._stopped:
                raise VmError(TIMEOUT)
            instance.call(entry, *arguments)
            if arguments:
                raise EnvironmentProblem("the Python runner came back without a result")
        except (GuestStop, GuestFault, EnvironmentProblem, wasmtime.Trap) as stop:
            return stop
        return None

    def _traceback(self, instance: Instance, outcome: Outcome) -> str:
        """Where a Python guest was when it was stopped from outside; `` if it stopped by itself."""
        if outcome.kind == "vm_error" and outcome.payload.decode().startswith(STOPPED_FROM_OUTSIDE):
            return self._runtime.dump_traceback(instance)
        return ""


def _guest(main: MainVm, root: Directory) -> Guest:
    return Guest(
        effects=main.effects,
        descriptors=Descriptors.standard(root, stdin_of(main.message, main.calldata)),
        rights=main.rights,
        message=main.message,
        version=main.contract.version,
        run=main.run,
    )


@lru_cache(maxsize=PROGRAMS_MAX)
def wasm_program(code: bytes, build: Build) -> tuple[Program, ContractModule]:
    """Check, compile and link a wasm contract. The engine sees the original too: only that shows whether it is valid.

    Raises:
        VmError: `invalid_contract`: no valid module, or it imports what does not exist.
    """
    engine = new_contract_engine(build)
    try:
        wasmtime.Module.validate(engine, code)
        module = prepare_contract_module(code, deterministic=True)
        return Program(engine, wasmtime.Module(engine, module.code), build, WASM_IMPORTS), module
    except (wasmtime.WasmtimeError, InvalidContractModule) as error:
        raise VmError("invalid_contract", str(error)) from error
