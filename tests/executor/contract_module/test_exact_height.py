"""`exact_height` and `quick_height`: the same as a person counts, and as the generator of programs counts."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.executor.contract_module.bodies import _exits, _locals
from genvm_replay.executor.contract_module.exact_height import exact_height
from genvm_replay.executor.contract_module.quick_height import TokenEffects, quick_height, tokens_of
from genvm_replay.executor.contract_module.signatures import Signatures
from genvm_replay.executor.wasm_binary.cursor import Cursor
from genvm_replay.executor.wasm_binary.entries import read_body, read_function_type
from genvm_replay.executor.wasm_binary.opcodes import BRANCH_TABLE
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary

from .programs import program


def heights(code: bytes) -> list[tuple[int, int, int | None]]:
    """Declared locals, exact height and quick height of every function. No imports."""
    module = WasmBinary.parse(code)
    defined = module.vector(SectionId.FUNCTION, Cursor.u32)
    signatures = Signatures(module.vector(SectionId.TYPE, read_function_type), defined)
    effects = TokenEffects(signatures)
    found = []
    for body, index in zip(module.vector(SectionId.CODE, read_body), defined, strict=True):
        count, start = _locals(code, body)
        tables = [item for item in _exits(code, start, body.end) if item.opcode == BRANCH_TABLE]
        tokens = tokens_of(code, start, body.end, tables)
        function = signatures.types[index]
        exact = exact_height(code, start, body.end, function, signatures)
        found.append((count, exact, quick_height(tokens, len(function.results), effects)))
    return found


# Body of a function without parameters and results, height. `$f2` gives two values, `$p2` takes two.
LIVE = [
    ("", 0),
    ("(nop)", 0),
    ("(drop (i32.const 1))", 1),
    ("(drop (i32.add (i32.const 1) (i32.const 2)))", 2),
    ("(drop (i32.add (i32.add (i32.const 1) (i32.const 2)) (i32.const 2)))", 2),
    ("(drop (i32.add (i32.const 2) (i32.add (i32.const 1) (i32.const 2))))", 3),
    ("(drop (select (i32.const 1) (i32.const 2) (i32.const 3)))", 3),
    ("(i64.store (i32.const 1) (i64.load (i32.const 2)))", 2),
    ("(memory.fill (i32.const 1) (i32.const 1) (i32.const 1))", 3),
    ("(call $f2) (call $p2)", 2),
    ("(i32.const 1) (call $f2) drop drop drop", 3),
    ("(call_indirect (type $two) (i32.const 0)) drop drop", 2),
    ("(block (drop (i32.const 1)) (block (br 1)))", 1),
    ("(i64.const 1) (block (drop (i32.const 1))) drop", 2),
    ("(drop (block (result i32) (i64.const 1) (i64.const 1) (br 0 (i32.const 1))))", 3),
    (
        "(drop (if (result i32) (i32.const 1) (then (i32.const 1)) (else (i32.add (i32.const 1) (i32.const 1)))))",
        2,
    ),
    ("(i32.const 1) (i32.const 1) (block (param i32 i32) (drop) (drop) (drop (i32.const 1)))", 2),
    ("(i32.const 1) (i32.const 1) (if (param i32) (then (drop)) (else (drop)))", 2),
    ("(drop (block (result i32) (i64.const 1) (br_if 0 (i32.const 1) (i32.const 2)) (return)))", 3),
    ("(loop (br_if 0 (i32.const 0)))", 1),
    ("(block (br_table 0 0 0 1 (i32.const 0)))", 1),
    ("(block (block (br_table 0 1 (i32.const 0))) (drop (i32.add (i32.const 1) (i32.const 2))))", 2),
    ("(unreachable)", 0),
    ("(i32.const 1) (i32.const 1) (return)", 2),
    ("(block (unreachable)) (drop (i32.const 1))", 1),
    ("(drop (block (result i32) (unreachable)))", 1),
]
# The same with code that can't be reached: operands that are missing count nothing, those that are there count.
DEAD = [
    ("(unreachable) (drop (i32.const 1))", 1),
    ("(i32.const 1) (i32.const 2) (unreachable) (i32.const 1) (i32.const 1) (i32.const 1) drop drop drop", 3),
    ("(i32.const 1) (i32.const 2) (unreachable) (i32.const 1) (drop)", 2),
    ("unreachable i32.add drop", 1),
    ("unreachable i32.store nop", 0),
    ("unreachable call $p2", 0),
    ("unreachable call $f2 drop drop", 2),
    ("unreachable (block unreachable i32.eqz drop) drop", 1),
    ("(i32.const 1) (block (br 0) select drop) drop", 2),
    ("(drop (block (result i32) unreachable (br_if 0) drop (i32.const 3)))", 1),
    ("unreachable (if (param i32) (then drop) (else i32.eqz drop))", 1),
]


def of_text(body: str) -> tuple[int, int, int | None]:
    text = f"""(module (type $two (func (result i32 i32))) (memory 1) (table funcref (elem $f2))
        (func {body}) (func $f2 (type $two) (unreachable)) (func $p2 (param i32 i32)))"""
    return heights(bytes(wasmtime.wat2wasm(text)))[0]


@pytest.mark.parametrize(("body", "height"), LIVE)
def test_live_code(body: str, height: int):
    assert of_text(body) == (0, height, height)


@pytest.mark.parametrize(("body", "height"), DEAD)
def test_dead_code(body: str, height: int):
    """The quick way does not try."""
    assert of_text(body) == (0, height, None)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 1 << 32), st.booleans())
def test_random_programs(seed: int, floats: bool):
    made = program(seed, floats=floats)
    for slots, (count, exact, quick) in zip(made.slots, heights(made.code), strict=True):
        assert count + exact == slots
        assert quick in (None, exact)
