"""`entries`: every kind of entry is read as the assembler wrote it, and damage ends in a format error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.executor.wasm_binary import entries
from genvm_replay.executor.wasm_binary.cursor import Cursor, WasmFormatError
from genvm_replay.executor.wasm_binary.entries import Export, FunctionType, Global, Import, Kind, Limits
from genvm_replay.executor.wasm_binary.names import function_names
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary

SOURCE = bytes(
    wasmtime.wat2wasm("""(module
    (type (func (param i32 f64) (result i64))) (type (func)) (type (func (param i32)))
    (import "env" "call" (func $call (type 0)))
    (import "env" "table" (table 1 2 funcref))
    (import "env" "global" (global (mut i64)))
    (import "env" "tag" (tag (type 2)))
    (memory 3 70000)
    (global (mut i32) (i32.const -5)) (global f32 (f32.const 1))
    (export "call" (func $call)) (export "memory" (memory 0)) (export "é" (global 1))
    (func $one (type 1) (local i32 i32 i64) (drop (i32.const 7)))
    (func $two (type 1))
    (data (i32.const 16) "abc") (data "passive"))""")
)
BINARY = WasmBinary.parse(SOURCE)
READERS: dict[SectionId, Callable[[Cursor], Any]] = {
    SectionId.TYPE: entries.read_function_type,
    SectionId.IMPORT: entries.read_import,
    SectionId.FUNCTION: Cursor.u32,
    SectionId.MEMORY: entries.read_limits,
    SectionId.GLOBAL: entries.read_global,
    SectionId.EXPORT: entries.read_export,
    SectionId.CODE: entries.read_body,
    SectionId.DATA: entries.read_data,
}
EXPECTED: dict[SectionId, list[Any]] = {
    SectionId.TYPE: [FunctionType(b"\x7f\x7c", b"\x7e"), FunctionType(b"", b""), FunctionType(b"\x7f", b"")],
    SectionId.IMPORT: [
        Import("env", "call", Kind.FUNCTION, b"\x00"),
        Import("env", "table", Kind.TABLE, b"\x70\x01\x01\x02"),
        Import("env", "global", Kind.GLOBAL, b"\x7e\x01"),
        Import("env", "tag", Kind.TAG, b"\x00\x02"),
    ],
    SectionId.FUNCTION: [1, 1],
    SectionId.MEMORY: [Limits(1, 3, 70_000)],
    SectionId.GLOBAL: [Global(0x7F, True, b"\x41\x7b\x0b"), Global(0x7D, False, b"\x43\x00\x00\x80\x3f\x0b")],
    SectionId.EXPORT: [
        Export("call", Kind.FUNCTION, 0),
        Export("memory", Kind.MEMORY, 0),
        Export("é", Kind.GLOBAL, 1),
    ],
}


@pytest.mark.parametrize("section_id", EXPECTED)
def test_entries(section_id: SectionId):
    assert BINARY.vector(section_id, READERS[section_id]) == EXPECTED[section_id]


def test_bodies():
    one, two = BINARY.vector(SectionId.CODE, entries.read_body)
    assert SOURCE[one.start : one.end] == b"\x02\x02\x7f\x01\x7e\x41\x07\x1a\x0b"
    assert SOURCE[two.start : two.end] == b"\x00\x0b"


def test_data():
    active, passive = BINARY.vector(SectionId.DATA, entries.read_data)
    assert active.offset is not None
    assert entries.constant_i32(active.offset, 0) == 16
    assert SOURCE[active.start : active.end] == b"abc"
    assert passive.offset is None
    assert SOURCE[passive.start : passive.end] == b"passive"


def test_imported_functions_are_counted():
    assert entries.imported_functions(BINARY) == 1


@pytest.mark.parametrize(("expression", "value"), [(b"\x41\x00\x0b", 0), (b"\x41\x7f\x0b", 0xFFFF_FFFF)])
def test_constants_are_unsigned(expression: bytes, value: int):
    assert entries.constant_i32(expression, 0) == value


@pytest.mark.parametrize(
    "expression", [b"", b"\x23\x00\x0b", b"\x42\x00\x0b", b"\x41\x01", b"\x41\x01\x41\x01\x6a\x0b"]
)
def test_other_constants_are_refused(expression: bytes):
    with pytest.raises(WasmFormatError):
        entries.constant_i32(expression, 0)


@pytest.mark.parametrize("export", EXPECTED[SectionId.EXPORT])
def test_exports_are_written_as_they_are_read(export: Export):
    assert entries.read_export(Cursor(entries.encode_export(export))) == export


REFUSED = {
    "a GC type": (SectionId.TYPE, b"\x5f\x00"),
    "a GC reference": (SectionId.TYPE, b"\x60\x01\x63\x00\x00"),
    "an unknown kind of import": (SectionId.IMPORT, b"\x00\x00\x05\x00"),
    "an unknown kind of export": (SectionId.EXPORT, b"\x00\x05\x00"),
    "limits flags": (SectionId.MEMORY, b"\x08\x00"),
    "limits without maximum": (SectionId.MEMORY, b"\x01\x00"),
    "mutability": (SectionId.GLOBAL, b"\x7f\x02\x41\x00\x0b"),
    "an endless expression": (SectionId.GLOBAL, b"\x7f\x00\x41\x00"),
    "a mode of data": (SectionId.DATA, b"\x03\x41\x00\x0b\x00"),
    "another memory": (SectionId.DATA, b"\x02\x01\x41\x00\x0b\x00"),
    "data past the end": (SectionId.DATA, b"\x01\x02a"),
    "a body past the end": (SectionId.CODE, b"\x03\x00\x0b"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str):
    section_id, content = REFUSED[name]
    with pytest.raises(WasmFormatError):
        READERS[section_id](Cursor(content))


def read_everything(content: bytes) -> None:
    binary = WasmBinary.parse(content)
    for section_id, reader in READERS.items():
        binary.vector(section_id, reader)
    function_names(binary)


@settings(max_examples=500)
@given(st.data())
def test_damaged_modules_are_read_or_refused(data: st.DataObject):
    """Bytes changed, cut out or put in anywhere: a value or a WasmFormatError, nothing else."""
    content = bytearray(SOURCE)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(8, len(content)))
        size = data.draw(st.integers(0, 3))
        content[start : start + size] = data.draw(st.binary(max_size=3))
    with suppress(WasmFormatError):
        read_everything(bytes(content))


@given(st.sampled_from(list(READERS.values())), st.binary(max_size=40))
def test_garbage_is_an_entry_or_refused(reader: Callable[[Cursor], Any], content: bytes):
    cursor = Cursor(content)
    try:
        reader(cursor)
    except WasmFormatError:
        return
    assert 0 < cursor.pos <= len(content)
