"""`transform`: what is kept behaves as before, what is dropped does not run, and memory and code part cleanly."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.executor.engine import Build, new_engine
from genvm_replay.executor.python_runtime.prepare import PreparedRuntime
from genvm_replay.executor.python_runtime.source import installed_source
from genvm_replay.executor.python_runtime.transform import recipe as recipes
from genvm_replay.executor.python_runtime.transform.code_module import CodeModule
from genvm_replay.executor.python_runtime.transform.harden import FRAME_SIZE, harden
from genvm_replay.executor.python_runtime.transform.pipeline import transform
from genvm_replay.executor.python_runtime.transform.recipe import PYTHON, Recipe, transform_key
from genvm_replay.executor.python_runtime.transform.slim import slim
from genvm_replay.executor.python_runtime.transform.split import split
from genvm_replay.executor.wasm_binary.cursor import WasmFormatError
from genvm_replay.executor.wasm_binary.names import function_names
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary

from .tiny import KEPT, RECIPE, STACK_TOP, WASM

# A change of the code module makes recorded runs name another one: deliberate changes only, with a CHANGELOG line.
PYTHON_CODE_HASH = "031b14a2726bef62c1b38e4c18e4aa0569b2dfd303cc4a4069442c2d602f0502"
KEEP = RECIPE.keep


class Running:
    """An instance of a module that imports `host.seven`."""

    def __init__(self, wasm: bytes, made: CodeModule | None = None) -> None:
        engine = new_engine(Build.FAST)
        self.store = wasmtime.Store(engine)
        seven = wasmtime.Func(self.store, wasmtime.FuncType([], [wasmtime.ValType.i32()]), lambda: 7)
        self.exports = wasmtime.Instance(self.store, wasmtime.Module(engine, wasm), [seven]).exports(
            self.store
        )
        for segment in made.segments if made else ():
            self.exports["memory"].write(self.store, segment.data, segment.offset)

    def call(self, name: str, *arguments: int) -> int:
        return self.exports[name](self.store, *arguments)


def test_slim_keeps_what_is_reached():
    """An exported function, what it calls, and the kept range run as before."""
    slimmed, kept = slim(WASM, KEEP)
    running = Running(slimmed)
    assert running.call("main") == 7 + 42
    assert running.call("indirect", 3) == 43
    assert kept == {0, 1, 2, KEPT, 7, 8}


def test_slim_stubs_the_rest():
    """A dropped function traps; a dropped PyInit_* gives NULL, which CPython reports as a failed import."""
    running = Running(slim(WASM, KEEP)[0])
    assert running.call("indirect", 1) == 0
    with pytest.raises(wasmtime.Trap) as caught:
        running.call("indirect", 2)
    assert caught.value.trap_code == wasmtime.TrapCode.UNREACHABLE


def test_slim_shrinks_only_code():
    before, after = WasmBinary.parse(WASM), WasmBinary.parse(slim(WASM, KEEP)[0])
    for old, new in zip(before.sections, after.sections, strict=True):
        same = before.data[old.head : old.end] == after.data[new.head : new.end]
        assert same == (old.id != SectionId.CODE)
    assert len(after.data) < len(before.data)


def test_slim_with_everything_kept_changes_nothing():
    slimmed, kept = slim(WASM, [range(1, 1_000)])
    assert slimmed == WASM
    assert kept == set(range(10))


def test_hardened_function_takes_a_frame_at_each_level():
    hardened, moved = harden(WASM, ["stack_at"])
    running = Running(hardened)
    assert [running.call("stack_at", depth, 0) for depth in (0, 1, 9)] == [
        STACK_TOP - FRAME_SIZE * levels for levels in (1, 2, 10)
    ]
    assert running.call("stack_at", 0, 0) == STACK_TOP - FRAME_SIZE, "frames were given back"
    assert moved == {8: 10}


def test_unhardened_function_takes_none():
    assert Running(WASM).call("stack_at", 9, 0) == STACK_TOP


@pytest.mark.parametrize("name", ["absent", "seven"])
def test_harden_refuses_what_has_no_body(name: str):
    with pytest.raises(WasmFormatError):
        harden(WASM, [name])


def test_harden_refuses_an_ambiguous_name():
    twice = wasmtime.wat2wasm('(module (func $a) (func (@name "a")))')
    assert list(function_names(WasmBinary.parse(bytes(twice))).values()) == ["a", "a"]
    with pytest.raises(WasmFormatError, match="exactly one function"):
        harden(bytes(twice), ["a"])


def test_split_parts_code_from_memory():
    made = split(WASM, ["hidden", "main"], {1: "main"})
    assert made.memory_pages == 2
    assert made.stack_pointer == STACK_TOP
    assert [tuple(segment) for segment in made.segments] == [(1024, b"*\0\0\0hello"), (131_071, b"!")]
    assert made.names == {1: "main"}
    binary = WasmBinary.parse(made.code)
    assert {section.id for section in binary.sections}.isdisjoint({SectionId.DATA, SectionId.CUSTOM})
    running = Running(made.code)
    assert running.call("hidden") == 99
    assert running.call("main") == 7, "the memory is empty"
    assert running.exports["__stack_pointer"].value(running.store) == STACK_TOP
    assert set(running.exports) == {"memory", "main", "indirect", "stack_at", "hidden", "__stack_pointer"}


def test_all_steps_together_behave_as_the_source():
    made = transform(WASM, RECIPE)
    running, before = Running(made.code, made), Running(WASM)
    assert running.call("main") == before.call("main")
    assert running.call("indirect", 3) == before.call("indirect", 3)
    assert made.names == {
        0: "seven",
        1: "main",
        2: "reached",
        KEPT: "kept",
        7: "indirect",
        8: "stack_at",
        10: "stack_at (unframed)",
    }


SP = "(global (mut i32) (i32.const 16))"
LOST_STATE = {
    "a start function": f'(module (memory 1) {SP} (func $f (export "f")) (start $f))',
    "passive data": f'(module (memory 1) {SP} (export "m" (memory 0)) (data "x"))',
    "data outside": f'(module (memory 1) {SP} (export "m" (memory 0)) (data (i32.const 65536) "x"))',
    "two mutable globals": f'(module (memory 1) {SP} {SP} (export "m" (memory 0)))',
    "a 64-bit stack pointer": '(module (memory 1) (global (mut i64) (i64.const 1)) (export "m" (memory 0)))',
    "no stack pointer": '(module (memory 1) (export "m" (memory 0)))',
    "no memory": f'(module {SP} (export "g" (global 0)))',
    "a memory with maximum": f'(module (memory 1 2) {SP} (export "m" (memory 0)))',
    "an imported memory": f'(module (import "a" "b" (memory 1)) {SP} (export "m" (memory 0)))',
    "no exports": f"(module (memory 1) {SP})",
    "bulk data": f'(module (memory 1) {SP} (data $d "x") (func (export "f") (data.drop $d)))',
}


@pytest.mark.parametrize("name", LOST_STATE)
def test_split_refuses_state_that_would_be_lost(name: str):
    with pytest.raises(WasmFormatError):
        split(bytes(wasmtime.wat2wasm(LOST_STATE[name])), [], {})


def test_split_refuses_an_unknown_export():
    with pytest.raises(WasmFormatError, match="absent"):
        split(WASM, ["absent"], {})


def mutated(seed: int, times: int) -> bytes:
    dice = random.Random(seed)
    content = bytearray(WASM)
    for _ in range(times):
        match dice.randrange(3):
            case 0:
                content[dice.randrange(len(content))] = dice.randrange(256)
            case 1:
                del content[dice.randrange(len(content))]
            case _:
                content.insert(dice.randrange(len(content)), dice.randrange(256))
    return bytes(content)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 8))
def test_damaged_source_is_transformed_or_refused(seed: int, times: int):
    """Whatever stands in the file: an outcome or a WasmFormatError, nothing else."""
    with suppress(WasmFormatError):
        transform(mutated(seed, times), RECIPE)


@pytest.mark.parametrize(
    "other",
    [
        Recipe((range(1, 3),), PYTHON.framed, PYTHON.exports),
        Recipe(PYTHON.keep, (), PYTHON.exports),
        Recipe(PYTHON.keep, PYTHON.framed, ()),
        Recipe(PYTHON.keep, PYTHON.framed, PYTHON.exports),
    ],
)
def test_key_covers_the_recipe(other: Recipe):
    assert transform_key(other) != transform_key(PYTHON)
    assert transform_key(PYTHON) == transform_key(PYTHON)


def test_python_is_the_code_module_that_runs_name(prepared_runtime: PreparedRuntime):
    """The transformation of the real python.wasm gives the same bytes as on every machine."""
    made = transform(installed_source().read_wasm(), PYTHON)
    assert made.code == prepared_runtime.code_wasm.read_bytes()
    assert prepared_runtime.code_hash == PYTHON_CODE_HASH
    assert made.segments == prepared_runtime.segments
    assert made.names == prepared_runtime.function_names
    wasmtime.Module.validate(new_engine(Build.FAST), made.code)


def test_python_has_what_the_executor_calls(prepared_runtime: PreparedRuntime):
    module = prepared_runtime.module(Build.FAST).module
    exports = {export.name for export in module.exports}
    own = {"memory", "_initialize", "turn", "host_alloc", "__stack_pointer"}
    assert exports >= own | set(PYTHON.exports)
    imports = {(item.module, item.name) for item in module.imports}
    assert ("host", "call") in imports
    assert len(imports) == recipes.CPYTHON.start


def test_python_names_serve_tracebacks(prepared_runtime: PreparedRuntime):
    names = prepared_runtime.function_names
    dealloc = [index for index, name in names.items() if name.startswith("_Py_Dealloc")]
    assert [names[index] for index in sorted(dealloc)] == ["_Py_Dealloc", "_Py_Dealloc (unframed)"]
    assert is_kept(recipes.CPYTHON, names)


def is_kept(span: Sequence[int], names: object) -> bool:
    return isinstance(names, dict) and all(index in names for index in span)
