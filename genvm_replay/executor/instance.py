"""One instance of a module in a store of its own, over the raw C API (docs/wasm-runtime.md, sections 3 and 4).

`Program` is what can be shared: engine, module, host functions. `Instance` is one VM: created in about 0.05 ms, thrown
away after use. Instances of one thread may nest. Close every instance: its store is not garbage-collected.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, addressof, byref, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any, Final

import wasmtime
from wasmtime import _ffi as wasmtime_ffi

from ..errors import EnvironmentProblem
from . import ffi
from .contract_module.account import stop_reason
from .engine import METERED, Build
from .guest import Guest
from .host_functions import RUNNING, HostFunction, define
from .memory import GuestMemory
from .memory_budget import TABLE_ELEMENT

PAGE_SIZE: Final = 65536
STOPPABLE: Final = (Build.EPOCH, Build.FUEL)
ARGUMENTS_MAX: Final = 4
FOREVER: Final = 1 << 60  # epochs
FUEL_MAX: Final = (1 << 63) - 1
INSTANCES_MAX, TABLES_MAX, MEMORIES_MAX = 1000, 100, 100  # of one store (spec/executor.md 8.1)


@dataclass(frozen=True, slots=True)
class Frame:
    """One function on the stack of a guest that failed."""

    function: int  # index in its module's whole index space
    module: str  # name from the name section, `` if there is none
    name: str = ""  # of the function, from there too
    offset: int = 0  # of the instruction, in bytes from the start of the function that was compiled


def frames_of(failure: wasmtime.Trap | wasmtime.WasmtimeError) -> tuple[Frame, ...]:
    """The frames of a failed call, innermost first; wasmtime keeps 20 at most."""
    if isinstance(failure, wasmtime.Trap):
        return tuple(
            Frame(frame.func_index, frame.module_name or "", frame.func_name or "", frame.func_offset)
            for frame in failure.frames
        )
    frames = wasmtime_ffi.wasm_frame_vec_t()
    wasmtime_ffi.wasmtime_error_wasm_trace(failure.ptr(), byref(frames))
    try:
        return tuple(_frame(frames.data[number]) for number in range(frames.size))
    finally:
        wasmtime_ffi.wasm_frame_vec_delete(byref(frames))


def _frame(pointer: Any) -> Frame:
    return Frame(
        wasmtime_ffi.wasm_frame_func_index(pointer),
        _text(wasmtime_ffi.wasmtime_frame_module_name(pointer)),
        _text(wasmtime_ffi.wasmtime_frame_func_name(pointer)),
        wasmtime_ffi.wasm_frame_func_offset(pointer),
    )


def _text(name: Any) -> str:
    return bytes(name.contents.data[: name.contents.size]).decode(errors="replace") if name else ""


@dataclass(frozen=True, slots=True)
class Inside:
    """How to look into an instance of a module.

    Attributes:
        name: of the module, from its name section; `` if it gives none.
        account: the exported i32 global that tells why a contract module trapped; None: no contract module.
        memory: under which name its memory is exported; None: it has none.
    """

    name: str = ""
    account: str | None = None
    memory: str | None = "memory"


class Program:
    """A module with its host functions, ready to be instantiated any number of times."""

    def __init__(
        self,
        engine: wasmtime.Engine,
        module: wasmtime.Module,
        build: Build,
        imports: dict[str, dict[str, HostFunction]],
        *,
        inside: Inside = Inside(),
    ) -> None:
        """
        Args:
            imports: host functions by import module name.

        Raises:
            wasmtime.WasmtimeError: an import of the module has no host function, or another type.
        """
        self.build = build
        self.engine = engine
        self.inside = inside
        linker = wasmtime.Linker(engine)
        self._kept = [define(linker, name, table) for name, table in imports.items()]
        self._pre = linker.instantiate_pre(module)
        self._linker = linker
        self.engine_address = ffi.address_of(engine.ptr())
        self.pre_address = ffi.address_of(self._pre.ptr())

    def instantiate(self, instance: Instance) -> None:
        """Put the module into an instance's store.

        Raises:
            wasmtime.Trap, wasmtime.WasmtimeError, GuestStop: as `Instance` says.
        """
        instance.enter(
            lambda: ffi.instantiate(
                self.pre_address, instance.context, instance.address, instance.trap_address
            )
        )

    def interrupt(self) -> None:
        """Stop what runs on this engine: every instance of a stoppable build traps at its next loop or call."""
        ffi.increment_epoch(self.engine_address)


class Instance:
    """One VM. The guest's memory is reached through `guest.memory`."""

    def __init__(self, program: Program, guest: Guest, *, fuel: int | None = None) -> None:
        """
        Args:
            guest: its budget bounds the linear memory; growth past it fails in the guest.
            fuel: instructions until the guest traps; counted by the FUEL build only.

        Raises:
            wasmtime.Trap, wasmtime.WasmtimeError: the module's start function failed, or its memory exceeds the limit.
            GuestStop: a host function that the start function called.
        """
        self.guest = guest
        self._program = program
        self._store = ffi.store_new(program.engine_address, None, None)
        self.context = ffi.store_context(self._store)
        self.kept: list[object] = []  # what must live as long as the store
        self.linked: list[tuple[int, Inside]] = []  # other instances in this store, by their addresses
        self._functions: dict[bytes, Any] = {}
        self.frames: tuple[Frame, ...] = ()
        self._slots = (c_uint64 * (2 * ARGUMENTS_MAX))()
        self._trap = c_void_p()
        self._limit_memory(guest.budget.size - guest.budget.taken)
        if program.build in STOPPABLE:
            ffi.set_epoch_deadline(self.context, 1)
        if program.build in METERED:
            ffi.set_fuel(self.context, FUEL_MAX if fuel is None else fuel)
        self._instance = wasmtime_ffi.wasmtime_instance_t()
        self.address = addressof(self._instance)
        self.trap_address = addressof(self._trap)
        try:
            program.instantiate(self)
        except BaseException:
            self.close()
            raise
        self._attach_memory()
        guest.budget.attach(self._linear_bytes, self._limit_memory)

    def _attach_memory(self) -> None:
        memory = self.export(b"memory")
        if memory is None:
            self.memory_address = 0
            self.guest.memory = GuestMemory(0, lambda: 0)
            return
        context, item = self.context, addressof(memory) + ffi.ITEM_OFFSET
        self._memory = memory
        self.memory_address = item
        self.guest.memory = GuestMemory(
            ffi.memory_data(context, item) or 0, lambda: int(ffi.memory_size(context, item))
        )

    def _limit_memory(self, left: int) -> None:
        ffi.store_limiter(self._store, left, left // TABLE_ELEMENT, INSTANCES_MAX, TABLES_MAX, MEMORIES_MAX)

    def _linear_bytes(self) -> int:
        if not self.linked and self.memory_address:
            return int(ffi.memory_size(self.context, self.memory_address))
        return sum({base: size for _, base, size in self.memories()}.values())

    def call_in(self, instance: int, name: bytes) -> None:
        """Call a function without arguments of another instance in this store, if it exports one of this name."""
        found = self.export(name, instance)
        if found is not None:
            target, slots = addressof(found) + ffi.ITEM_OFFSET, addressof(self._slots)
            self.enter(
                lambda: ffi.call_unchecked(self.context, target, slots, ARGUMENTS_MAX, self.trap_address)
            )

    def export(self, name: bytes, instance: int | None = None) -> Any | None:
        """Find an export, by default of the instance that starts; None if there is none of this name."""
        found = wasmtime_ffi.wasmtime_extern_t()
        ok = ffi.export_get(self.context, instance or self.address, name, len(name), addressof(found))
        return found if ok else None

    def call(self, name: bytes, *arguments: int) -> int:
        """Call an exported function with up to ARGUMENTS_MAX u32 arguments; gives its first result as u32.

        Raises:
            KeyError: no such export.
            GuestStop, GuestFault, Divergence ...: a host function raised it; the VM is over.
            wasmtime.Trap: the guest trapped.
        """
        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = self.export(name)
            if function is None:
                raise KeyError(name.decode())
        for number, argument in enumerate(arguments):
            self._slots[2 * number] = argument
        target, slots = addressof(function) + ffi.ITEM_OFFSET, addressof(self._slots)
        self.enter(
            lambda: ffi.call_unchecked(self.context, target, slots, ARGUMENTS_MAX, addressof(self._trap))
        )
        return self._slots[0] & 0xFFFF_FFFF

    def enter(self, enter: Callable[[], int | None]) -> None:
        """Run a call of the engine's as this instance's guest; raise what went wrong in it."""
        outer = RUNNING.__dict__.get("guest")
        RUNNING.guest = self.guest
        try:
            error = enter()
        finally:
            RUNNING.__dict__["guest"] = outer
        if error or self._trap.value:
            self._fail(error)

    def _fail(self, error: int | None) -> None:
        failure: wasmtime.Trap | wasmtime.WasmtimeError
        if self._trap.value:
            trap = ctypes.cast(self._trap.value, POINTER(wasmtime_ffi.wasm_trap_t))
            self._trap.value = None
            failure = wasmtime.Trap._from_ptr(trap)
        else:
            failure = wasmtime.WasmtimeError._from_ptr(
                ctypes.cast(error or 0, POINTER(wasmtime_ffi.wasmtime_error_t))
            )
        self.frames = frames_of(failure)
        stopped_by, self.guest.stopped_by = self.guest.stopped_by, None
        if stopped_by is not None:
            raise stopped_by from failure
        raise failure

    def allow(self, *, epochs: int = FOREVER, fuel: int = FUEL_MAX) -> None:
        """Give a stopped guest new time, so that it can be asked for its traceback."""
        if self._program.build in STOPPABLE:
            ffi.set_epoch_deadline(self.context, epochs)
        if self._program.build in METERED:
            ffi.set_fuel(self.context, fuel)

    def fuel_left(self) -> int | None:
        """Instructions left; None on builds that don't count."""
        if self._program.build not in METERED:
            return None
        left = c_uint64()
        ffi.get_fuel(self.context, addressof(left))
        return left.value

    def grow_to(self, size: int) -> None:
        """Grow the memory to `size` bytes, a multiple of 64 KiB.

        Raises:
            EnvironmentProblem: the limit or the machine does not allow it.
        """
        missing = size - ffi.memory_size(self.context, self.memory_address)
        if missing <= 0:
            return
        before = c_uint64()
        error = ffi.memory_grow(self.context, self.memory_address, missing // PAGE_SIZE, addressof(before))
        if error:
            wasmtime.WasmtimeError._from_ptr(ctypes.cast(error, POINTER(wasmtime_ffi.wasmtime_error_t)))
            raise EnvironmentProblem(f"can't give a guest {size} bytes of memory")

    def account(self) -> int | None:
        """Why a contract module trapped, for `contract_module.account.stop_reason`; None for other programs."""
        accounts = [
            self.global_i32(inside.account.encode(), instance=at)
            for at, inside in self.instances()
            if inside.account is not None
        ]
        return next((value for value in accounts if stop_reason(value)), accounts[-1] if accounts else None)

    def instances(self) -> list[tuple[int, Inside]]:
        """All instances in this store by their addresses, in the order in which they were made."""
        return [*self.linked, (self.address, self._program.inside)]

    def memories(self) -> list[tuple[str, int, int]]:
        """For each of `instances`: its module's name, host address and size of its memory; 0 and 0 if it has none."""
        return [(inside.name, *self._memory_of(at, inside)) for at, inside in self.instances()]

    def _memory_of(self, at: int, inside: Inside) -> tuple[int, int]:
        item = self.export(inside.memory.encode(), at) if inside.memory else None
        if item is None:
            return 0, 0
        place = addressof(item) + ffi.ITEM_OFFSET
        return ffi.memory_data(self.context, place) or 0, int(ffi.memory_size(self.context, place))

    def global_i32(self, name: bytes, value: int | None = None, *, instance: int | None = None) -> int:
        """Read an exported i32 global, of another instance in this store if one is given; set it first to a value."""
        item = self.export(name, instance)
        if item is None:
            raise KeyError(name.decode())
        target = addressof(item) + ffi.ITEM_OFFSET
        held = wasmtime_ffi.wasmtime_val_t()
        if value is not None:
            held.kind, held.of.i32 = wasmtime_ffi.WASMTIME_I32, value
            ffi.global_set(self.context, target, byref(held))
        ffi.global_get(self.context, target, byref(held))
        return int(held.of.i32)

    def close(self) -> None:
        """Free the store with everything in it. Further calls are errors; closing twice is not."""
        if self._store:
            ffi.store_delete(self._store)
            self._store = None
