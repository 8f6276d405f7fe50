"""The wasmtime engine: one configuration for everything that executes guest code, in a few builds.

Every flag that can change a guest's result is set here by name, also where wasmtime's default is the same
today: a new release must not change an old run. Measured reasons: docs/wasm-runtime.md, sections 1 and 5.
Deliberately not here: stores, limits and fuel (instance), compiling and caching (python_runtime).

wasmtime ABORTS the process on contradictory flags, no exception reaches Python: so no flag comes from a user.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

import wasmtime
from blake3 import blake3
from wasmtime import _ffi as ffi

WASM_STACK_MAX: Final = 8 << 20  # bytes of native stack a guest may use; see FLAGS
ASYNC_STACK: Final = WASM_STACK_MAX + (2 << 20)  # unused, but an engine with less than max_wasm_stack aborts
ENGINE_VERSION: Final = f"wasmtime {version('wasmtime')}"
CPU_INFO: Final = Path("/proc/cpuinfo")
CPU_FEATURE_KEYS: Final = ("flags", "Features")  # x86-64, aarch64

Flags: TypeAlias = Mapping[str, bool | int | str]


class Build(StrEnum):
    """How the guest code is compiled. All give the same bytes; they differ in speed and in how they stop."""

    EPOCH = "epoch"  # stoppable from another thread: first runs
    FAST = "fast"  # not metered: re-runs of runs that are known to end
    FUEL = "fuel"  # counts instructions: the deterministic clock; stoppable too
    PULLEY = "pulley"  # wasmtime's interpreter: an independent second engine, not metered
    PULLEY_FUEL = (
        "pulley-fuel"  # the same, counting as FUEL does: only for finding where the two engines part
    )


FLAGS: Final[Flags] = {
    # One bit pattern for every NaN: the sign of x86's default NaN differs from ARM's and reaches the guest.
    "cranelift_nan_canonicalization": True,
    # OpenBLAS in python.wasm is vectorised. Plain vector instructions are exact; relaxed ones may differ between
    # CPUs by definition.
    "wasm_relaxed_simd": False,
    "wasm_simd": True,
    "wasm_relaxed_simd_deterministic": True,
    # Threads would make the order of memory accesses matter.
    "wasm_threads": False,
    "shared_memory": False,
    # Not in the contract language. gc_support stays on: caught exceptions (exnref) live in that heap.
    "wasm_gc": False,
    "gc_support": True,
    "wasm_component_model": False,
    "wasm_memory64": False,
    "wasm_multi_memory": False,
    "wasm_wide_arithmetic": False,
    "wasm_custom_page_sizes": False,
    "wasm_stack_switching": False,
    "wasm_function_references": False,
    # setjmp and C++ in python.wasm are built on exceptions, and those on reference types.
    "wasm_exceptions": True,
    "wasm_reference_types": True,
    "wasm_bulk_memory": True,
    "wasm_multi_value": True,
    "wasm_tail_call": True,
    # Where the native stack ends differs between builds. With this much, CPython's own recursion guard,
    # which counts linear memory, always acts first (see python_runtime/transform/harden.py). A thread that
    # runs guests needs a larger stack than this, or the process crashes.
    "max_wasm_stack": WASM_STACK_MAX,
    # An image is mapped over a memory's fixed address, inside the default 4 GiB reservation.
    "memory_may_move": False,
    "memory_init_cow": True,
    # What the compiled bytes depend on, spelled out for config_key.
    "strategy": "cranelift",
    "cranelift_opt_level": "speed",
    "parallel_compilation": True,
    "signals_based_traps": True,
}
BUILD_FLAGS: Final[Mapping[Build, Flags]] = {
    Build.EPOCH: {"epoch_interruption": True, "consume_fuel": False},
    Build.FAST: {"epoch_interruption": False, "consume_fuel": False},
    Build.FUEL: {"epoch_interruption": True, "consume_fuel": True},
    Build.PULLEY: {"epoch_interruption": False, "consume_fuel": False, "target": "pulley64"},
    Build.PULLEY_FUEL: {"epoch_interruption": False, "consume_fuel": True, "target": "pulley64"},
}
BUILDS: Final = (Build.EPOCH, Build.FAST, Build.FUEL, Build.PULLEY)
"""What runs and re-executions are made on."""
METERED: Final = (Build.FUEL, Build.PULLEY_FUEL)
"""What counts instructions, both in the same way."""


# For contracts that are WebAssembly modules (spec/executor.md 8.3): without what only python.wasm needs. No flag
# refuses saturating conversions and long constant expressions: see contract_module.
CONTRACT_FLAGS: Final[Flags] = {
    "wasm_simd": False,
    "wasm_exceptions": False,
    "gc_support": False,
    "wasm_reference_types": False,
}


def engine_config(build: Build, changed: Flags | None = None) -> wasmtime.Config:
    """Make the configuration of a build. An `Engine` consumes it: make one for each engine."""
    config = wasmtime.Config()
    ffi.wasmtime_config_async_stack_size_set(config.ptr(), ASYNC_STACK)
    for name, value in {**FLAGS, **BUILD_FLAGS[build], **(changed or {})}.items():
        setattr(config, name, value)
    return config


def new_engine(build: Build) -> wasmtime.Engine:
    """Make an engine. Modules and stores of different engines do not mix."""
    return wasmtime.Engine(engine_config(build))


def new_contract_engine(build: Build) -> wasmtime.Engine:
    """Make an engine that accepts the features of contract modules only."""
    config = engine_config(build, CONTRACT_FLAGS)
    # On by default, has no property, needs reference types: left on, the engine aborts without those.
    ffi.wasmtime_config_wasm_component_model_async_set(config.ptr(), False)
    return wasmtime.Engine(config)


def config_key(build: Build, host: str | None = None) -> str:
    """Digest of all that compiled code depends on: flags, wasmtime's version and the CPU's features.

    wasmtime refuses compiled code of another version or with CPU features that are missing here. The key
    keeps such code apart in a cache that several machines share, so that none throws away what another made.

    Args:
        host: the machine, as `host_identity` names it; None: this one.
    """
    flags = {**FLAGS, **BUILD_FLAGS[build]}
    facts = {
        "engine": ENGINE_VERSION,
        "async_stack": ASYNC_STACK,
        "flags": flags,
        "host": host_identity() if host is None else host,
    }
    return blake3(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def host_identity(cpu_info: Path = CPU_INFO) -> str:
    """Name the system, the architecture and the CPU features, as far as the system tells them."""
    return " ".join([sys.platform, os.uname().machine, *cpu_features(cpu_info)])


def cpu_features(cpu_info: Path) -> list[str]:
    """Read the feature names of the first CPU, sorted; empty where /proc/cpuinfo is absent."""
    try:
        with cpu_info.open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() in CPU_FEATURE_KEYS:
                    return sorted(value.split())
    except OSError:
        pass
    return []
