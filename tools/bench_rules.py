"""Measures the rules for contract modules: MB/s of `prepare_contract_module`, and how much slower rewritten code runs.

The input for the first is the core of the prepared Python runtime, cut down to what contracts may use: 13,000 functions
by a C compiler. For the second, small guests run with and without the rules, taking turns; the best of each counts.
All times are CPU time of the thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import wasmtime

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.executor.contract_module.exact_height import exact_height  # noqa: E402
from genvm_replay.executor.contract_module.invalid import InvalidContractModule  # noqa: E402
from genvm_replay.executor.contract_module.language import FLOAT_ARITHMETIC  # noqa: E402
from genvm_replay.executor.contract_module.module import prepare_contract_module  # noqa: E402
from genvm_replay.executor.contract_module.signatures import Signatures  # noqa: E402
from genvm_replay.executor.engine import BUILD_FLAGS, BUILDS, Build, new_contract_engine, new_engine  # noqa: E402
from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.prepare import load  # noqa: E402
from genvm_replay.executor.wasm_binary import encode  # noqa: E402
from genvm_replay.executor.wasm_binary.cursor import Cursor  # noqa: E402
from genvm_replay.executor.wasm_binary.entries import (  # noqa: E402
    Body,
    Kind,
    read_body,
    read_function_type,
    read_import,
)
from genvm_replay.executor.wasm_binary.instructions import skip_locals, walk  # noqa: E402
from genvm_replay.executor.wasm_binary.opcodes import CALL, RETURN_CALL  # noqa: E402
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary  # noqa: E402

STUB_SIZE_MAX = 3
GUESTS = {
    "fib(27): calls": """(module (func $fib (export "run") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else (i32.add
          (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2))))))))""",
    "calls of a leaf": """(module (func $leaf (param i32) (result i32) (i32.xor (local.get 0) (i32.const 5)))
        (func (export "run") (param i32) (result i32) (local i32) (loop
          (local.set 1 (call $leaf (local.get 1)))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))""",
    "loop with memory": """(module (memory 1) (global (mut i32) (i32.const 0))
        (func (export "run") (param i32) (result i32) (local i32) PADDING (loop
          (i32.store (i32.and (local.get 0) (i32.const 0xfffc)) (local.get 1))
          (local.set 1 (i32.add (i32.mul (local.get 1) (i32.const 31))
            (i32.load (i32.and (local.get 0) (i32.const 0xff)))))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))""",
    "loops in loops": """(module (global (mut i32) (i32.const 0))
        (func (export "run") (param i32) (result i32) (local i32 i32) PADDING (loop $outer
          (local.set 1 (i32.const 100)) (loop $inner (local.set 2 (i32.add (local.get 2) (local.get 1)))
            (br_if $inner (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
          (br_if $outer (local.tee 0 (i32.sub (local.get 0) (i32.const 100))))) (local.get 2)))""",
}
PADDING = "(if (i32.eq (local.get 0) (i32.const -1)) (then (global.set 0 (i32.const 7)) unreachable))"
PADDINGS = range(
    12
)  # what stands before a short loop changes its speed by half, by chance: the best place counts
ARGUMENTS = {"fib(27): calls": 27}
ITERATIONS = 2_000_000  # a multiple of 100


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each kind")
    parser.add_argument("--compile", action="store_true", help="compile the large module too, for comparison")
    options = parser.parse_args()
    core = WasmBinary.parse(load(default_cache(os.environ)).code_wasm.read_bytes())
    print("prepare_contract_module          MB   functions   seconds    MB/s")
    for name, floats in (("without float arithmetic", False), ("with float arithmetic", True)):
        code = contract_like(core, floats=floats)
        seconds = best(lambda code=code: prepare_contract_module(code, deterministic=True), options.rounds)  # type: ignore[misc]
        made = prepare_contract_module(code, deterministic=True)
        size = len(code) / 1e6
        print(f"{name:28} {size:6.2f} {made.function_count:10,} {seconds:10.3f} {size / seconds:7.1f}")
        if options.compile:
            compare_compilation(code, made.code)
    print("\nwith rules : without         " + "".join(f"{build:>10}" for build in BUILDS))
    for name in GUESTS:
        print(f"{name:28}" + "".join(f"{slowdown(name, build, options.rounds):10.2f}" for build in BUILDS))


def best(action: Callable[[], object], rounds: int) -> float:
    """The shortest time of an action."""
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        action()
        times.append(time.thread_time() - start)
    return min(times)


def compare_compilation(original: bytes, rewritten: bytes) -> None:
    """Wall time, because the engine compiles on all cores. Types of the core need the Python runtime's engine."""
    engine = new_engine(Build.EPOCH)
    for name, code in (("original", original), ("rewritten", rewritten)):
        start = time.perf_counter()
        wasmtime.Module(engine, code)
        print(f"  compiling the {name}: {time.perf_counter() - start:.1f} s")


def slowdown(name: str, build: Build, rounds: int) -> float:
    """Time with the rules, divided by time without."""
    engine = new_contract_engine(build)
    argument = ARGUMENTS.get(name, ITERATIONS // (20 if build is Build.PULLEY else 1))
    times: tuple[list[float], list[float]] = ([], [])
    for count in PADDINGS if "PADDING" in GUESTS[name] else [0]:
        plain = bytes(wasmtime.wat2wasm(GUESTS[name].replace("PADDING", PADDING * count)))
        codes = (plain, prepare_contract_module(plain, deterministic=True).code)
        runs = [start(engine, build, code) for code in codes]
        for _ in range(rounds):
            for run, column in zip(runs, times, strict=True):
                column.append(best(lambda run=run: run(argument), 1))  # type: ignore[misc]
    return min(times[1]) / min(times[0])


def start(engine: wasmtime.Engine, build: Build, code: bytes) -> Callable[[int], object]:
    """Instantiate a module; gives its function `run`."""
    store = wasmtime.Store(engine)
    if BUILD_FLAGS[build]["epoch_interruption"]:
        store.set_epoch_deadline(1 << 30)
    if BUILD_FLAGS[build]["consume_fuel"]:
        store.set_fuel(1 << 60)
    function = wasmtime.Instance(store, wasmtime.Module(engine, code), []).exports(store)["run"]
    assert isinstance(function, wasmtime.Func)
    return lambda argument: function(store, argument)


def contract_like(core: WasmBinary, *, floats: bool) -> bytes:
    """Leave out the functions that contracts may not have, and calls to them go to others of the same type."""
    data = core.data
    defined = core.vector(SectionId.FUNCTION, Cursor.u32)
    imports = [item for item in core.vector(SectionId.IMPORT, read_import) if item.kind is Kind.FUNCTION]
    imported = [Cursor(item.type).u32() for item in imports]
    signatures = Signatures(core.vector(SectionId.TYPE, read_function_type), imported + defined)
    bodies = core.vector(SectionId.CODE, read_body)
    of_type: dict[int, int] = {}
    kept = []
    for number, (body, kind) in enumerate(zip(bodies, defined, strict=True)):
        if in_language(data, body, kind, signatures, floats=floats):
            kept.append(number)
            of_type.setdefault(kind, number)
    stubs = [number for number, kind in enumerate(defined) if of_type.setdefault(kind, number) == number]
    order = sorted({*kept, *stubs})
    places = {number: len(imported) + place for place, number in enumerate(order)}

    def moved(index: int) -> int:
        number = index - len(imported)
        return index if number < 0 else places.get(number, places[of_type[defined[number]]])

    wanted = set(kept)
    made = [redirected(data, bodies[n], moved) if n in wanted else b"\0\0\x0b" for n in order]
    return core.rewrite(
        {
            SectionId.FUNCTION: encode.vector([encode.unsigned(defined[number]) for number in order]),
            SectionId.CODE: encode.vector([encode.sized(body) for body in made]),
        },
        drop=(SectionId.CUSTOM, SectionId.TAG, SectionId.ELEMENT, SectionId.EXPORT),
    )


def in_language(data: bytes, body: Body, kind: int, signatures: Signatures, *, floats: bool) -> bool:
    """Whether a contract may have the function; the stubs that slimming left don't count."""
    if body.end - body.start <= STUB_SIZE_MAX:
        return False
    start = skip_locals(data, body.start, body.end)
    try:
        exact_height(data, start, body.end, signatures.types[kind], signatures)
    except InvalidContractModule:
        return False
    return floats or not any(item.opcode in FLOAT_ARITHMETIC for item in walk(data, start, body.end))


def redirected(data: bytes, body: Body, moved: Callable[[int], int]) -> bytes:
    """A body with new indices of the functions it calls."""
    parts, done = [], body.start
    for item in walk(data, skip_locals(data, body.start, body.end), body.end):
        if item.opcode in (CALL, RETURN_CALL):
            index = Cursor(data, item.immediates, item.end).u32()
            parts += [data[done : item.immediates], encode.unsigned(moved(index))]
            done = item.end
    return b"".join([*parts, data[done : body.end]])


if __name__ == "__main__":
    main()
