"""`constants`, `custom`, `signatures`, `assemble`: the small readers and writers around the bodies."""

from __future__ import annotations

import pytest
import wasmtime

from genvm_replay.executor.contract_module.assemble import assemble, lengthened
from genvm_replay.executor.contract_module.constants import check_constants, read_element_offset
from genvm_replay.executor.contract_module.custom import module_name, version_text
from genvm_replay.executor.contract_module.invalid import InvalidContractModule
from genvm_replay.executor.contract_module.signatures import Signatures
from genvm_replay.executor.wasm_binary import encode
from genvm_replay.executor.wasm_binary.cursor import Cursor
from genvm_replay.executor.wasm_binary.entries import FunctionType
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary


def parse(text: str) -> WasmBinary:
    return WasmBinary.parse(bytes(wasmtime.wat2wasm(text)))


def custom(name: str, content: bytes) -> WasmBinary:
    return WasmBinary.parse(encode.HEADER + encode.section(SectionId.CUSTOM, encode.name(name) + content))


# Text of an element segment, its offset expression.
ELEMENTS = [
    ("(elem (i32.const 3) $f $f)", b"\x41\x03\x0b"),
    ("(elem (table 0) (i32.const 3) func $f)", b"\x41\x03\x0b"),
    ("(elem func $f)", None),
    ("(elem declare func $f)", None),
    ("(elem (i32.const 3) funcref (ref.func $f))", b"\x41\x03\x0b"),
    ("(elem (table 0) (i32.const 3) funcref (ref.null func))", b"\x41\x03\x0b"),
    ("(elem (table 1) (i32.const 3) funcref (ref.null func))", b"\x41\x03\x0b"),
    ("(elem funcref (ref.func $f))", None),
    ("(elem declare funcref (ref.func $f))", None),
]


@pytest.mark.parametrize(("segment", "offset"), ELEMENTS)
def test_element_segments_of_every_kind(segment: str, offset: bytes | None):
    module = parse(f"(module (table 9 funcref) (table 9 funcref) (func $f) {segment})")
    assert module.vector(SectionId.ELEMENT, read_element_offset) == [offset]


def test_an_unknown_kind_of_element_segment():
    with pytest.raises(InvalidContractModule, match="unknown kind"):
        read_element_offset(Cursor(b"\x08\x00"))


def test_one_instruction_is_constant_enough():
    check_constants(
        parse('(module (memory 1) (global i32 (i32.const -1)) (data (i32.const 5) "x") (data "y"))')
    )
    with pytest.raises(InvalidContractModule, match="GLOBAL"):
        check_constants(parse("(module (global i32 (i32.add (i32.const 1) (i32.const 1))))"))


NAMES = [
    ("(module $token)", "token"),
    ("(module (func $f))", ""),
    ("(module)", ""),
    ('(module $"é ü" (func $f))', "é ü"),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_module_names(text: str, name: str):
    assert module_name(parse(text)) == name


@pytest.mark.parametrize("content", [b"\x00", b"\x00\x05\x04ab", b"\x00\x02\x01\xff", b"\x01\x09"])
def test_damaged_names_are_no_names(content: bytes):
    assert module_name(custom("name", content)) == ""


VERSIONS = [(b"v0.2.5", "v0.2.5"), (b" v1.2.3\n", " v1.2.3\n"), (b"", ""), (b"v\xff", "v\ufffd")]


@pytest.mark.parametrize(("content", "text"), VERSIONS)
def test_versions(content: bytes, text: str):
    assert version_text(custom("genvm.version", content)) == text


def test_no_version():
    assert version_text(custom("genvm_version", b"v1.0.0")) is None


# The immediate of a block, its type.
TYPES = [FunctionType(b"\x7f", b""), FunctionType(b"", b"\x7e\x7e")]
BLOCKS = [
    (b"\x40", FunctionType(b"", b"")),
    (b"\x7e", FunctionType(b"", b"\x7e")),
    (b"\x01", TYPES[1]),
    (b"\x80\x00", TYPES[0]),
]


@pytest.mark.parametrize(("immediate", "kind"), BLOCKS)
def test_block_types(immediate: bytes, kind: FunctionType):
    assert Signatures(TYPES, [1]).block(immediate, 0, len(immediate)) == kind


def test_missing_types_and_functions():
    signatures = Signatures(TYPES, [1, 7])
    assert signatures.function(0, 5) == TYPES[1]
    for look_up, index in ((signatures.type, 2), (signatures.function, 2), (signatures.function, 1)):
        with pytest.raises(InvalidContractModule) as caught:
            look_up(index, 5)
        assert caught.value.offset == 5


def test_sections_are_added_in_their_place():
    module = parse('(module $n (memory 1) (func) (data "x") (@custom "other" "x"))')
    changed = {SectionId.GLOBAL: lengthened(module, SectionId.GLOBAL, [b"\x7f\x00\x41\x05\x0b"])}
    made = WasmBinary.parse(assemble(module, changed))
    assert [section.id for section in made.sections] == [1, 3, 5, 6, 10, 11, 0]
    assert made.sections[-1].name == "name"
    assert made.cursor(SectionId.GLOBAL).take(6) == b"\x01\x7f\x00\x41\x05\x0b"


def test_vectors_get_longer():
    module = parse('(module (func (export "a")))')
    assert lengthened(module, SectionId.EXPORT, [b"xy"]) == b"\x02\x01a\x00\x00xy"
