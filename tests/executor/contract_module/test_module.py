"""`module`: which modules are contracts (spec/executor.md 8.3, 8.5), what is read from them and what garbage gives."""

from __future__ import annotations

from random import Random

import pytest
import wasmtime
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genvm_replay.executor.contract_module.invalid import InvalidContractModule
from genvm_replay.executor.contract_module.module import prepare_contract_module
from genvm_replay.executor.contract_program import single_program
from genvm_replay.executor.engine import Build
from genvm_replay.executor.stops import VmError
from genvm_replay.executor.wasm_binary import encode
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary

from .guests import ACCOUNT, ENGINES, Guest, binary, engine
from .programs import program

ALLOWED = {
    "mutable globals": '(global (export "g") (mut i32) (i32.const 0)) (global (export "f") (mut f64) (f64.const 1))',
    "sign extension": """(func (param i32 i64)
        (drop (i32.extend8_s (local.get 0))) (drop (i64.extend32_s (local.get 1))))""",
    "multi-value": "(func (result i32 i64) (i32.const 1) (i64.const 2))",
    "block with parameters": "(func (i32.const 1) (block (param i32) drop))",
    "bulk memory": """(memory 1) (data "x") (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))
        (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop 0)
        (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))""",
    "bulk tables": """(table 1 funcref) (func $f) (elem func $f) (elem (i32.const 0) $f) (elem declare func $f)
        (func (table.copy (i32.const 0) (i32.const 0) (i32.const 0)) (elem.drop 0)
        (table.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))""",
    "tail calls": "(func $f return_call $f)",
    "floats": "(global f32 (f32.const 1)) (func (param f64) (result f64) (f64.add (local.get 0) (local.get 0)))",
    "constants": """(memory 1) (table 1 funcref) (global i64 (i64.const 5))
        (data (i32.const 8) "x") (elem (i32.const 0))""",
    "any import": '(func (import "wasi_snapshot_preview1" "sched_yield") (result i32))',
    "unknown custom section": '(@custom "metadata.code.branch_hint" "nonsense")',
    "nothing": "",
}
REFUSED = {
    "SIMD": "(func (drop (v128.const i64x2 0 0)))",
    "v128 local": "(func (local v128))",
    "relaxed SIMD": """(func (param v128) (result v128)
        (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))""",
    "externref": "(func (param externref))",
    "funcref": "(func (param funcref))",
    "ref.null": "(func (drop (ref.null func)))",
    "ref.func": "(func $f (drop (ref.func $f)))",
    "typed select": "(func (drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0))))",
    "table.get": "(table 1 funcref) (func (drop (table.get 0 (i32.const 0))))",
    "table.size": "(table 1 funcref) (func (drop (table.size 0)))",
    "table.grow": "(table 1 funcref) (func (drop (table.grow 0 (ref.null func) (i32.const 0))))",
    "table.fill": "(table 1 funcref) (func (table.fill 0 (i32.const 0) (ref.null func) (i32.const 0)))",
    "two tables": "(table 1 funcref) (table 1 funcref)",
    **{
        f"{to}.trunc_sat_{kind}_{sign}": f"(func (drop ({to}.trunc_sat_{kind}_{sign} ({kind}.const 1))))"
        for to in ("i32", "i64")
        for kind in ("f32", "f64")
        for sign in "su"
    },
    "saturating in dead code": "(func unreachable (drop (i32.trunc_sat_f32_s (f32.const 1))))",
    "two memories": "(memory 1) (memory 1)",
    "extended global": "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
    "extended data offset": '(memory 1) (data (i32.mul (i32.const 1) (i32.const 2)) "x")',
    "extended element offset": "(table 9 funcref) (elem (i32.sub (i32.const 1) (i32.const 1)))",
    "global.get of a defined global": "(global i32 (i32.const 1)) (global i32 (global.get 0))",
    "shared memory": "(memory 1 1 shared)",
    "atomics": "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
    "fence": "(func (atomic.fence))",
    "64-bit memory": "(memory i64 1)",
    "64-bit table": "(table i64 1 funcref)",
    "page size": "(memory 1 (pagesize 1))",
    "tag": "(tag)",
    "throw": "(tag) (func (throw 0))",
    "try_table": "(func (block (try_table (catch_all 0))))",
    "GC type": "(type (struct))",
    "GC reference": "(type $t (func)) (func (param (ref null $t)))",
    "call_ref": "(type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0)))",
    "i31": "(func (drop (ref.i31 (i32.const 1))))",
    "wide arithmetic": "(func (i64.mul_wide_s (i64.const 0) (i64.const 0)) drop drop)",
    "type error": "(func (result i32))",
    "unknown import": '(func (import "env" "f"))',
    "wrong type of host function": '(func (import "wasi_snapshot_preview1" "sched_yield"))',
    "our account": f'(global (import "other" "{ACCOUNT}") (mut i32))',
}


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize("feature", ALLOWED)
def test_allowed(feature: str, build: Build):
    single_program(binary(f"(module {ALLOWED[feature]})"), build, deterministic=True)


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize("feature", REFUSED)
def test_refused(feature: str, build: Build):
    with pytest.raises(VmError, match=r"^invalid_contract$"):
        single_program(binary(f"(module {REFUSED[feature]})"), build, deterministic=True)


@pytest.mark.parametrize("code", [b"", b"\0asm", b"(module)", b"\0asm\x0d\0\1\0"])
def test_no_core_module_at_all(code: bytes):
    """Text and components neither."""
    with pytest.raises(VmError, match=r"^invalid_contract$"):
        single_program(code, Build.FAST, deterministic=True)


def test_type_errors_around_a_banned_float_stay_errors():
    """Code after the trap is checked as if the trap were not there."""
    text = '(module (func (export "run") (result i32) (f32.add (f32.const 1) (f32.const 1))))'
    with pytest.raises(wasmtime.WasmtimeError, match="expected i32, found f32"):
        wasmtime.Module(engine(Build.FAST), prepare_contract_module(binary(text), deterministic=True).code)


def custom(name: str, content: bytes) -> bytes:
    return encode.section(SectionId.CUSTOM, encode.name(name) + content)


def test_facts():
    code = binary('(module $wallet (func (import "a" "b")) (func (export "run")))')
    code += custom("genvm.version", b"v0.2.5") + custom("genvm.version", b"v9.9.9")
    module = prepare_contract_module(code, deterministic=True)
    assert (module.name, module.version, module.function_count) == ("wallet", "v0.2.5", 2)
    names = [section.name for section in WasmBinary.parse(module.code).sections if section.name]
    assert names == ["name"], "hints about code would be wrong now"


def test_the_exported_name_does_not_collide():
    text = f'(module (func (export "{ACCOUNT}")) (func (export "{ACCOUNT}\'")))'
    module = prepare_contract_module(binary(text), deterministic=True)
    assert module.account == ACCOUNT + "''"
    wasmtime.Module.validate(engine(Build.FAST), module.code)


def test_imported_globals_stay_where_they_are():
    text = """(module (import "a" "g" (global $g i32)) (global $own (mut i64) (i64.const 3))
        (func (export "run") (result i64) (global.set $own (i64.const 4)) (global.get $own)))"""
    code = prepare_contract_module(binary(text), deterministic=True).code
    store = wasmtime.Store(engine(Build.FAST))
    imported = wasmtime.Global(store, wasmtime.GlobalType(wasmtime.ValType.i32(), False), wasmtime.Val.i32(7))
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, code), [imported]).exports(store)
    assert exports["run"](store) == 4  # type: ignore[operator]


def test_a_start_function_counts_too():
    guest = Guest(
        '(module (global $g (export "g") (mut i32) (i32.const 0)) (func $s (global.set $g (i32.const 5))) (start $s))'
    )
    assert guest.value("g") == 5


REASONS = ("contracts may not use", "several instructions", "slots, at most")


def outcome(code: bytes) -> bytes | str:
    """The rewritten bytes or the reason; any other exception is a bug."""
    try:
        return prepare_contract_module(code, deterministic=True).code
    except InvalidContractModule as error:
        return error.reason if 0 <= error.offset <= len(code) else "a wrong offset"


def is_valid(code: bytes) -> bool:
    try:
        wasmtime.Module.validate(engine(Build.FAST), code)
    except wasmtime.WasmtimeError:
        return False
    return True


@settings(deadline=None, max_examples=500)
@given(st.integers(0, 1 << 32), st.integers(1, 3))
@example(0, 1)
def test_mutated_modules(seed: int, changes: int):
    """A valid module stays valid or is refused for what it uses; any other gives a result or the one error."""
    rng = Random(seed)
    code = bytearray(program(rng.randrange(100), floats=True).code)
    for _ in range(changes):
        at = rng.randrange(8, len(code))
        code[at : at + rng.choice([0, 1, 1, 1, 9])] = rng.randbytes(rng.choice([0, 1, 1, 1, 4]))
    made = outcome(bytes(code))
    if is_valid(bytes(code)):
        assert is_valid(made) if isinstance(made, bytes) else any(reason in made for reason in REASONS)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60), st.sampled_from(list(SectionId)))
def test_garbage(content: bytes, section: SectionId):
    for code in (content, encode.HEADER + content, encode.HEADER + encode.section(section, content)):
        outcome(code)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=40))
def test_garbage_bodies(content: bytes):
    sections = [(1, [b"\x60\0\0"]), (3, [b"\0"]), (10, [encode.sized(content)])]
    code = encode.HEADER + b"".join(
        encode.section(number, encode.vector(items)) for number, items in sections
    )
    made = outcome(code)
    if is_valid(code):
        assert is_valid(made) if isinstance(made, bytes) else any(reason in made for reason in REASONS)


@pytest.mark.parametrize("size", range(1, 400, 3))
def test_cut_off_modules(size: int):
    code = program(3).code
    assert isinstance(outcome(code[: len(code) - size]), str)
