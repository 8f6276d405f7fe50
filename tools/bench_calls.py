"""Measures a host call: ours, recorded, against wasmtime-py's ordinary way, unrecorded, for the same guest.

The guest reads and writes storage 20,000 times, 32 bytes each. Ours is the whole run with its record, all checks and
the local node's state; the other side is as plain as it can be: two functions over one dictionary. Medians of runs
that take turns.
"""

from __future__ import annotations

import os
import statistics
import time

import wasmtime
from bench_transactions import STORAGE_WAT, WAT_CALLS, one_run

from genvm_replay.executor.python_runtime.cache import default_cache
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.replay.workbench import Workbench

ROUNDS = 11
TARGET = 5


def main() -> None:
    """Print the table."""
    runtime = PythonRuntime(default_cache(os.environ))
    bench = Workbench(None, lambda: runtime)  # type: ignore[arg-type]
    code = bytes(wasmtime.wat2wasm(STORAGE_WAT))
    stock = Stock(code)
    pairs = [(stock.run(), one_run(bench, code, b"", record=True)) for _ in range(ROUNDS + 1)][1:]
    bench.close()
    plain, ours = (statistics.median(pair[side] for pair in pairs) / WAT_CALLS * 1e6 for side in (0, 1))
    print(f"wasmtime-py, unrecorded   {plain:7.2f} us a call")
    print(f"ours, recorded            {ours:7.2f} us a call")
    print(f"  {plain / ours:.1f} times faster   target: at least {TARGET}")


class Stock:
    """The guest on wasmtime-py's own functions."""

    def __init__(self, code: bytes) -> None:
        self._engine = wasmtime.Engine()
        self._module = wasmtime.Module(self._engine, code)
        self._slots: dict[bytes, bytearray] = {}

    def run(self) -> float:
        """Seconds of one run."""
        self._slots = {}
        store = wasmtime.Store(self._engine)
        linker = wasmtime.Linker(self._engine)
        kind = wasmtime.FuncType([wasmtime.ValType.i32()] * 4, [wasmtime.ValType.i32()])
        linker.define_func("genlayer_sdk", "storage_read", kind, self._read, access_caller=True)
        linker.define_func("genlayer_sdk", "storage_write", kind, self._write, access_caller=True)
        exports = linker.instantiate(store, self._module).exports(store)
        start = exports["_start"]
        assert isinstance(start, wasmtime.Func)
        started = time.perf_counter()
        start(store)
        return time.perf_counter() - started

    def _read(self, caller: wasmtime.Caller, slot: int, index: int, buffer: int, size: int) -> int:
        memory = caller["memory"]
        held = self._slots.get(bytes(memory.read(caller, slot, slot + 32)), b"")
        memory.write(caller, bytes(held[index : index + size]).ljust(size, b"\0"), buffer)
        return 0

    def _write(self, caller: wasmtime.Caller, slot: int, index: int, buffer: int, size: int) -> int:
        memory = caller["memory"]
        held = self._slots.setdefault(bytes(memory.read(caller, slot, slot + 32)), bytearray(1 << 16))
        held[index : index + size] = memory.read(caller, buffer, buffer + size)
        return 0


if __name__ == "__main__":
    main()
