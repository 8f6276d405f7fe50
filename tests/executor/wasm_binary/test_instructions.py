"""`instructions`: a body is its instructions, one after the other, for the walk and for the search alike."""

from __future__ import annotations

import random

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.executor.python_runtime.prepare import PreparedRuntime
from genvm_replay.executor.wasm_binary import opcodes
from genvm_replay.executor.wasm_binary.cursor import WasmFormatError
from genvm_replay.executor.wasm_binary.entries import read_body
from genvm_replay.executor.wasm_binary.instructions import Instruction, Search, skip_locals, walk
from genvm_replay.executor.wasm_binary.opcodes import IMMEDIATES
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary

# Instructions as text, each with its opcode. All stand after `unreachable`, so the stack does not matter.
LINES: list[tuple[str, int]] = [
    ("nop", 0x01),
    ("block (result i32) unreachable end", 0x02),
    ("loop (param i32) drop end", 0x03),
    ("if (type 0) end", 0x04),
    ("throw 0", 0x08),
    ("br_if 0", 0x0D),
    ("br_table 0 1 200 0", 0x0E),
    ("call 300", 0x10),
    ("call_indirect (type 0)", 0x11),
    ("select (result i32)", 0x1C),
    ("try_table (catch 7 1) end", 0x1F),
    ("try_table (result i32) (catch_ref 7 1) unreachable end", 0x1F),
    ("try_table (catch_all 1) end", 0x1F),
    ("try_table (type 0) (catch_all_ref 1) (catch 7 1) (catch_all 2) end", 0x1F),
    ("throw_ref", 0x0A),
    ("return_call 300", 0x12),
    ("return_call_indirect (type 0)", 0x13),
    ("table.set 0", 0x26),
    ("local.get 1000", 0x20),
    ("i32.load8_s offset=70000", 0x2C),
    ("i64.store align=1", 0x37),
    ("memory.grow", 0x40),
    ("i32.const -1", 0x41),
    ("i64.const -9223372036854775808", 0x42),
    ("f32.const nan:0x200000", 0x43),
    ("f64.const inf", 0x44),
    ("f64.promote_f32", 0xBB),
    ("i64.extend32_s", 0xC4),
    ("ref.null extern", 0xD0),
    ("ref.func 300", 0xD2),
    ("i64.trunc_sat_f64_u", opcodes.NUMERIC + 7),
    ("memory.init 0", opcodes.NUMERIC + 8),
    ("data.drop 0", opcodes.NUMERIC + 9),
    ("memory.copy", opcodes.NUMERIC + 10),
    ("memory.fill", opcodes.NUMERIC + 11),
    ("table.init 0 0", opcodes.NUMERIC + 12),
    ("elem.drop 0", opcodes.NUMERIC + 13),
    ("table.copy", opcodes.NUMERIC + 14),
    ("table.grow 0", opcodes.NUMERIC + 15),
    ("table.size 0", opcodes.NUMERIC + 16),
    ("table.fill 0", opcodes.NUMERIC + 17),
    ("v128.load offset=8", opcodes.VECTOR),
    ("v128.const i64x2 11 -1", opcodes.VECTOR + 12),
    ("i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", opcodes.VECTOR + 13),
    ("v128.store", opcodes.VECTOR + 11),
    ("i8x16.swizzle", opcodes.VECTOR + 14),
    ("f64x2.splat", opcodes.VECTOR + 20),
    ("i8x16.extract_lane_s 11", opcodes.VECTOR + 21),
    ("f64x2.replace_lane 1", opcodes.VECTOR + 34),
    ("i8x16.eq", opcodes.VECTOR + 35),
    ("v128.any_true", opcodes.VECTOR + 83),
    ("v128.load8_lane offset=300 5", opcodes.VECTOR + 84),
    ("v128.store64_lane 1", opcodes.VECTOR + 91),
    ("v128.load32_zero", opcodes.VECTOR + 92),
    ("v128.load64_zero", opcodes.VECTOR + 93),
    ("f32x4.demote_f64x2_zero", opcodes.VECTOR + 94),
    ("f64x2.convert_low_i32x4_u", opcodes.VECTOR + 255),
    ("i32x4.relaxed_dot_i8x16_i7x16_add_s", opcodes.VECTOR + 275),
]


def body_of(*lines: str) -> tuple[bytes, int, int]:
    """Assemble one function. Returns the binary and the span of the function's instructions."""
    text = f"""(module (type (func)) (tag) (memory 1) (table 1 funcref) (data "") (elem func)
        (func (local i32 i64) (local f32) unreachable {" ".join(lines)} unreachable))"""
    content = bytes(wasmtime.wat2wasm(text))
    binary = WasmBinary.parse(content)
    (body,) = binary.vector(SectionId.CODE, read_body)
    return content, skip_locals(content, body.start, body.end), body.end


@pytest.mark.parametrize(("line", "opcode"), LINES)
def test_walk_agrees_with_the_assembler(line: str, opcode: int):
    content, start, end = body_of(line)
    found = list(walk(content, start, end))
    inner = [item.opcode for item in found[1:-2]]
    assert inner[0] == opcode
    assert len(inner) == len([word for word in line.split() if word in ("unreachable", "drop", "end")]) + 1
    assert [found[0].opcode, found[-2].opcode, found[-1].opcode] == [0x00, 0x00, opcodes.END]
    assert [item.start for item in found] == [start, *(item.end for item in found[:-1])]
    assert found[-1].end == end


def test_immediates_begin_where_they_say():
    content, start, end = body_of("i32.const 5", "memory.fill", "local.get 1")
    found = {item.opcode: content[item.immediates : item.end] for item in walk(content, start, end)}
    assert found[0x41] == b"\x05"
    assert found[opcodes.NUMERIC + 11] == b"\x00"
    assert found[0x20] == b"\x01"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=25), st.sets(st.sampled_from([code for _, code in LINES])))
def test_search_finds_what_the_walk_finds(lines: list[tuple[str, int]], wanted: set[int]):
    content, start, end = body_of(*(line for line, _ in lines))
    expected = [item for item in walk(content, start, end) if item.opcode in wanted]
    assert list(Search(wanted)(content, start, end)) == expected


def outcome(found: object) -> tuple[list[Instruction], bool]:
    items: list[Instruction] = []
    try:
        items.extend(found)  # type: ignore[call-overload]
    except WasmFormatError:
        return items, False
    return items, True


_find_calls = Search([opcodes.CALL, opcodes.BRANCH_TABLE])


@settings(max_examples=500)
@given(st.binary(max_size=80))
def test_garbage_is_instructions_or_a_format_error(content: bytes):
    """Walk and search give the same up to the first fault, and agree on whether there is one."""
    walked, whole = outcome(walk(content, 0, len(content)))
    expected = [item for item in walked if item.opcode in (opcodes.CALL, opcodes.BRANCH_TABLE)]
    assert outcome(_find_calls(content, 0, len(content))) == (expected, whole)
    if whole:
        assert not walked or walked[-1].end == len(content)


@pytest.mark.parametrize("opcode", [0x06, 0x07, 0x18, 0x19, 0xFB, 0xFE, 0xFF, 0xC5, 0x27])
def test_other_languages_are_refused(opcode: int):
    """Legacy exceptions, GC, threads and what is nothing at all."""
    with pytest.raises(WasmFormatError, match=f"{opcode:#04x}"):
        list(walk(bytes([opcode, 0, 0, 0]), 0, 4))


@pytest.mark.parametrize(
    "content",
    [
        b"\x0e\xff\xff\xff\xff\x0f",  # br_table with 2**32 labels
        b"\x0e\x01\x00",
        b"\x1c\x01\x63",
        b"\x1f\x63\x00",
        b"\x1f\x40\x01\x04\x00",
        b"\x1f\x40\x01\x00\x00",
        b"\x02\x63\x00",
    ],
)
def test_counted_immediates_are_bounded(content: bytes):
    with pytest.raises(WasmFormatError):
        list(walk(content, 0, len(content)))


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x01\x7f", b"\x02\x01\x7f", b"\x01\x01\x63\x0b"])
def test_locals_are_bounded(content: bytes):
    with pytest.raises(WasmFormatError):
        skip_locals(content, 0, len(content))


def test_span_past_the_content_is_refused():
    for find in (walk, Search([])):
        with pytest.raises(WasmFormatError):
            list(find(b"\x01\x01", 0, 3))


def test_all_of_python_is_walked_to_the_end(prepared_runtime: PreparedRuntime):
    """A sample of CPython's functions: each ends with `end`, exactly where its body ends."""
    content = prepared_runtime.code_wasm.read_bytes()
    bodies = WasmBinary.parse(content).vector(SectionId.CODE, read_body)
    for body in random.Random(1).sample(bodies, 3_000):
        last = None
        for last in walk(content, skip_locals(content, body.start, body.end), body.end):
            assert last.opcode in IMMEDIATES or last.opcode in opcodes.COUNTED
        assert last is not None
        assert (last.opcode, last.end) == (opcodes.END, body.end)
