"""`engine`: every build makes an engine with our rules, and the cache key covers all that code depends on."""

from __future__ import annotations

import math
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
import wasmtime

from genvm_replay.executor import engine
from genvm_replay.executor.engine import (
    METERED,
    WASM_STACK_MAX,
    Build,
    config_key,
    cpu_features,
    host_identity,
    new_engine,
)

DEPTH = """(module (func $down (export "down") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
        (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))))))"""
CATCH = """(module (tag $stop (param i32)) (func (export "catch") (result i32)
    (block $caught (result i32)
        (try_table (catch $stop $caught) (throw $stop (i32.const 7)))
        (i32.const 1))))"""
NAN = '(module (func (export "nan") (param f64 f64) (result f64) (f64.div (local.get 0) (local.get 1))))'
CALLS_MAX = 20_000  # native frames that must fit; far more than the default stack of 512 KiB holds on Pulley

REFUSED = {
    "relaxed SIMD": "(module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
    "threads": "(module (memory 1 1 shared))",
    "GC types": "(module (type (struct)))",
    "64-bit memory": "(module (memory i64 1))",
    "two memories": "(module (memory 1) (memory 1))",
}


T = TypeVar("T")


def on_large_stack(function: Callable[[], T]) -> T:
    """Run on a thread whose stack holds more than a guest may use, as the product does."""
    before = threading.stack_size(4 * WASM_STACK_MAX)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function).result()
    finally:
        threading.stack_size(before)


def start(build: Build, source: str) -> tuple[wasmtime.Store, wasmtime.InstanceExports]:
    made = new_engine(build)
    store = wasmtime.Store(made)
    if build in METERED:
        store.set_fuel(1 << 40)
    if build in (Build.EPOCH, Build.FUEL):
        store.set_epoch_deadline(1)
    return store, wasmtime.Instance(store, wasmtime.Module(made, source), []).exports(store)


@pytest.mark.parametrize("build", Build)
def test_exceptions_work(build: Build):
    """python.wasm needs them for setjmp and C++."""
    store, exports = start(build, CATCH)
    assert exports["catch"](store) == 7


@pytest.mark.parametrize("build", Build)
def test_nan_has_one_bit_pattern(build: Build):
    """x86 would give a negative NaN for 0/0, ARM a positive one."""
    store, exports = start(build, NAN)
    result = exports["nan"](store, 0.0, 0.0)
    assert math.isnan(result)
    assert struct.pack("<d", result) == bytes.fromhex("000000000000f87f")


@pytest.mark.parametrize("build", Build)
def test_deep_calls_fit_the_stack(build: Build):
    store, exports = start(build, DEPTH)
    assert on_large_stack(lambda: exports["down"](store, CALLS_MAX)) == CALLS_MAX


@pytest.mark.parametrize("build", Build)
def test_endless_recursion_is_a_trap(build: Build):
    store, exports = start(build, DEPTH)
    with pytest.raises(wasmtime.Trap) as caught:
        on_large_stack(lambda: exports["down"](store, -1))
    assert caught.value.trap_code == wasmtime.TrapCode.STACK_OVERFLOW


@pytest.mark.parametrize("name", REFUSED)
def test_language_is_small(name: str):
    with pytest.raises(wasmtime.WasmtimeError):
        wasmtime.Module(new_engine(Build.FAST), REFUSED[name])


def test_builds_stop_as_they_say():
    assert new_engine(Build.PULLEY).is_pulley()
    store, exports = start(Build.FUEL, DEPTH)
    exports["down"](store, 10)
    assert store.get_fuel() < 1 << 40
    for build in (Build.EPOCH, Build.FUEL):
        store, exports = start(build, DEPTH)
        store.engine.increment_epoch()
        with pytest.raises(wasmtime.Trap) as caught:
            exports["down"](store, 10)
        assert caught.value.trap_code == wasmtime.TrapCode.INTERRUPT


def test_key_is_stable_and_different_for_each_build_and_host():
    keys = [config_key(build) for build in Build]
    assert len(set(keys)) == len(Build)
    assert keys == [config_key(build) for build in Build]
    assert config_key(Build.FAST, "another host") != config_key(Build.FAST)
    assert config_key(Build.FAST, host_identity()) == config_key(Build.FAST)


def test_version_is_wasmtimes():
    name, number = engine.ENGINE_VERSION.split()
    assert name == "wasmtime"
    assert int(number.split(".")[0]) >= 49


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: sse2 avx fma\n\nflags\t: other\n", ["avx", "fma", "sse2"]),
        ("processor\t: 0\nFeatures\t: fp asimd\n", ["asimd", "fp"]),
        ("nothing known here\n", []),
        ("", []),
    ],
)
def test_cpu_features(tmp_path: Path, text: str, expected: list[str]):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert cpu_features(path) == expected


def test_cpu_features_may_be_unknown(tmp_path: Path):
    assert cpu_features(tmp_path / "absent") == []
    assert host_identity(tmp_path / "absent")
