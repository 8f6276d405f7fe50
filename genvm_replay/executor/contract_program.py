"""Programs of contract modules: checked, rewritten to keep the rules, compiled, linked (spec/executor.md 8.3, 8.5).

One module by itself is linked once and instantiated quickly. Several are linked in the store of each VM, one after the
other, each under its name; a host function then acts on the memory of the module that called it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import addressof, byref, c_size_t
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import wasmtime
from wasmtime import _ffi as wasmtime_ffi

from . import ffi
from .contract_module.invalid import InvalidContractModule
from .contract_module.module import prepare_contract_module
from .engine import Build, new_contract_engine
from .genlayer_sdk.table import SDK_CALLS
from .host_functions import define
from .instance import Inside, Instance, Program
from .memory import GuestMemory
from .runners.start_plan import StartPlan, WasmModule
from .stops import TIMEOUT, GuestStop, VmError
from .wasip1.table import WASI_CALLS

WASM_IMPORTS: Final = {"wasi_snapshot_preview1": WASI_CALLS, "genlayer_sdk": SDK_CALLS}
MODULES_MAX: Final = 32  # compiled modules kept in memory
INITIALIZE: Final = b"_initialize"
MEMORY: Final = b"memory"
TOO_LARGE: Final = ("exceeds memory limits", "exceeds table limits")  # the engine on a first allocation
WHOLE_SPACE: Final = "65536 pages"  # 4 GiB at once are more than any budget (spec/executor.md 8.1)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module that is ready to be linked, and how to look into it."""

    module: wasmtime.Module
    inside: Inside


@lru_cache(maxsize=len(Build))
def contract_engine(build: Build) -> wasmtime.Engine:
    """The engine of all contract modules of a build: modules of one VM must share it."""
    return new_contract_engine(build)


@lru_cache(maxsize=MODULES_MAX)
def compiled(wasm: bytes, build: Build, *, deterministic: bool) -> Compiled:
    """Check, rewrite and compile a module. The engine sees the original too: only that shows whether it is valid.

    Raises:
        VmError: `invalid_contract`.
    """
    engine = contract_engine(build)
    try:
        wasmtime.Module.validate(engine, wasm)
        facts = prepare_contract_module(wasm, deterministic=deterministic)
        inside = Inside(facts.name, facts.account, facts.memory)
        return Compiled(wasmtime.Module(engine, facts.code), inside)
    except (wasmtime.WasmtimeError, InvalidContractModule) as error:
        raise VmError("invalid_contract", str(error)) from error


@lru_cache(maxsize=MODULES_MAX)
def single_program(wasm: bytes, build: Build, *, deterministic: bool) -> Program:
    """A program of one module.

    Raises:
        VmError: `invalid_contract`: no valid module, or it imports what does not exist.
    """
    part = compiled(wasm, build, deterministic=deterministic)
    try:
        program = Program(contract_engine(build), part.module, build, WASM_IMPORTS, inside=part.inside)
    except wasmtime.WasmtimeError as error:
        raise VmError("invalid_contract", str(error)) from error
    return program


class LinkedProgram(Program):
    """A program of several modules; linked anew for each VM."""

    def __init__(self, build: Build, links: Sequence[tuple[str, Compiled]], start: Compiled) -> None:
        self.build = build
        self.engine = contract_engine(build)
        self.engine_address = ffi.address_of(self.engine.ptr())
        self.inside = start.inside
        self._links = links
        self._start = start

    def instantiate(self, instance: Instance) -> None:
        """Link and initialise the modules in order, then the one that starts."""
        linker = wasmtime.Linker(self.engine)
        instance.kept = [linker, *(define(linker, name, table) for name, table in WASM_IMPORTS.items())]
        instance.guest.memory_of = _CallerMemory(instance.context)
        for name, part in self._links:
            here = wasmtime_ffi.wasmtime_instance_t()
            instance.kept.append(here)
            _instantiate(linker, part, instance, addressof(here))
            instance.linked.append((addressof(here), part.inside))
            _define_instance(linker, instance, name, addressof(here))
            instance.call_in(addressof(here), INITIALIZE)
        _instantiate(linker, self._start, instance, instance.address)


def _instantiate(linker: wasmtime.Linker, part: Compiled, instance: Instance, target: int) -> None:
    linker_address, module = ffi.address_of(linker.ptr()), ffi.address_of(part.module.ptr())
    instance.enter(
        lambda: ffi.linker_instantiate(
            linker_address, instance.context, module, target, instance.trap_address
        )
    )


def _define_instance(linker: wasmtime.Linker, instance: Instance, name: str, source: int) -> None:
    raw, linker_address = name.encode(), ffi.address_of(linker.ptr())
    instance.enter(
        lambda: ffi.linker_define_instance(linker_address, instance.context, raw, len(raw), source)
    )


class _CallerMemory:
    """Finds the memory of whichever module called a host function."""

    def __init__(self, context: int) -> None:
        self._context = context
        self._known: dict[int, GuestMemory] = {}

    def __call__(self, caller: Any) -> GuestMemory:
        """The caller's exported memory; one of no bytes if it exports none."""
        item = wasmtime_ffi.wasmtime_extern_t()
        if not ffi.caller_export_get(caller, MEMORY, c_size_t(len(MEMORY)), byref(item)):
            return GuestMemory(0, lambda: 0)
        base = ffi.memory_data(self._context, addressof(item) + ffi.ITEM_OFFSET) or 0
        if base not in self._known:
            self._known[base] = GuestMemory(base, partial(self._size, item))
        return self._known[base]

    def _size(self, item: Any) -> int:
        return int(ffi.memory_size(self._context, addressof(item) + ffi.ITEM_OFFSET))


def start_failure(error: Exception) -> VmError:
    """What a contract's start comes to that failed (spec/executor.md 2.4): the inner VM error if there is one."""
    if isinstance(error, VmError):
        return error
    if isinstance(error, wasmtime.Trap) and error.trap_code is wasmtime.TrapCode.INTERRUPT:
        return VmError(TIMEOUT)
    if any(text in str(error) for text in TOO_LARGE) and WHOLE_SPACE not in str(error):
        return VmError("OOM", str(error))
    what = "ended while it was started" if isinstance(error, GuestStop) else str(error)
    return VmError("invalid_contract", what)


def wasm_program(start: StartPlan, build: Build, *, deterministic: bool) -> Program:
    """The program of a plan that starts a module.

    Raises:
        VmError: `invalid_contract`.
    """
    assert isinstance(start.start, WasmModule)
    if not start.links:
        return single_program(start.start.wasm, build, deterministic=deterministic)
    links = [(link.name, compiled(link.wasm, build, deterministic=deterministic)) for link in start.links]
    return LinkedProgram(build, links, compiled(start.start.wasm, build, deterministic=deterministic))
