"""`sections`: a binary is found to be its sections, in order, and can be joined anew."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.wasm_binary import encode, sections
from genvm_replay.executor.wasm_binary.cursor import Cursor, WasmFormatError
from genvm_replay.executor.wasm_binary.encode import HEADER, section
from genvm_replay.executor.wasm_binary.sections import RANK, SectionId, WasmBinary

ALL = bytes(
    wasmtime.wat2wasm("""(module $m
        (import "a" "b" (func)) (table 1 funcref) (memory 1) (tag) (global i32 (i32.const 0))
        (export "f" (func 0)) (start 1) (elem (i32.const 0) 0) (func (memory.init 0 (i32.const 0) (i32.const 0)
        (i32.const 0))) (data "d"))""")
)


def custom(name: str, content: bytes = b"") -> bytes:
    return section(0, encode.name(name) + content)


def test_every_section_in_the_order_of_a_file():
    found = [item.id for item in WasmBinary.parse(ALL).sections if item.id != SectionId.CUSTOM]
    assert sorted(found) == [item for item in SectionId if item != SectionId.CUSTOM]
    assert found == sorted(found, key=RANK.__getitem__)


def test_sections_cover_the_file():
    items = WasmBinary.parse(ALL).sections
    assert [item.head for item in items] == [len(HEADER), *(item.end for item in items[:-1])]
    assert items[-1].end == len(ALL)


def test_custom_sections_have_names():
    binary = WasmBinary.parse(HEADER + custom("one", b"1") + custom("two", b"2") + custom("two", b"3"))
    found = binary.find(SectionId.CUSTOM, "two")
    assert found is not None
    assert binary.data[found.start : found.end] == b"2"
    assert binary.find(SectionId.CUSTOM, "three") is None


REFUSED = {
    "empty": b"",
    "no module": b"\x7fELF\x01\0\0\0",
    "a component": b"\0asm\x0d\0\x01\0",
    "half a header": HEADER[:5],
    "unknown section": HEADER + section(14, b""),
    "cut off": HEADER + section(1, b"\x00")[:-1],
    "size without end": HEADER + b"\x01\x80",
    "out of order": HEADER + section(3, b"\0") + section(1, b"\0"),
    "repeated": HEADER + section(1, b"\0") + section(1, b"\0"),
    "data count after code": HEADER + section(10, b"\0") + section(12, b"\0"),
    "a custom section without name": HEADER + section(0, b""),
    "a custom name past the section": HEADER + section(0, b"\x05ab") + b"cdefgh",
    "endless": HEADER + custom("") * (sections.SECTION_COUNT_MAX + 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str):
    with pytest.raises(WasmFormatError):
        WasmBinary.parse(REFUSED[name])


def test_vector_reads_to_the_end():
    binary = WasmBinary.parse(HEADER + section(3, b"\x02\x05\x06"))
    assert binary.vector(SectionId.FUNCTION, Cursor.u32) == [5, 6]
    assert binary.vector(SectionId.CODE, Cursor.u32) == []
    for content in (b"\x02\x05", b"\x01\x05\x06", b"\xff\xff\xff\xff\x0f\x01"):
        with pytest.raises(WasmFormatError):
            WasmBinary.parse(HEADER + section(3, content)).vector(SectionId.FUNCTION, Cursor.u32)


def test_rewrite_replaces_and_drops():
    source = HEADER + custom("a") + section(1, b"\x00") + section(3, b"\x00") + custom("b")
    binary = WasmBinary.parse(source)
    assert binary.rewrite({}) == source
    assert binary.rewrite({SectionId.TYPE: b"new"}, drop={SectionId.CUSTOM}) == (
        HEADER + section(1, b"new") + section(3, b"\x00")
    )
    assert binary.rewrite({SectionId.CODE: b"absent stays absent"}) == source


@given(st.binary(max_size=60))
def test_garbage_is_sections_or_a_format_error(content: bytes):
    try:
        binary = WasmBinary.parse(HEADER + content)
    except WasmFormatError:
        return
    assert binary.rewrite({}) == HEADER + content
