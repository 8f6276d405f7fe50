"""`opcodes`: the patterns take each instruction whole, padded numbers included, and no other."""

from __future__ import annotations

import re

import pytest

from genvm_replay.executor.wasm_binary.opcodes import COUNTED, IMMEDIATES, PREFIX_MIN, SHAPES, pattern

# One example of immediates for each shape, and the same with numbers in more bytes than needed.
EXAMPLES: dict[str, tuple[bytes, bytes]] = {
    "": (b"", b""),
    "index": (b"\x05", b"\x85\x80\x80\x80\x00"),
    "two indices": (b"\x05\x06", b"\x85\x00\x86\x80\x00"),
    "i32": (b"\x7f", b"\xff\xff\xff\xff\x7f"),
    "i64": (b"\x7f", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
    "4 bytes": (b"\x0b\x10\n\xff", b"\x0b\x10\n\xff"),
    "8 bytes": (b"\x0b\x10\n\xff\x0b\x10\n\xff", b"\x0b\x10\n\xff\x0b\x10\n\xff"),
    "16 bytes": (b"\n" * 16, b"\n" * 16),
    "lane": (b"\x03", b"\x03"),
    "memory": (b"\x02\x08", b"\x82\x80\x00\x88\x80\x80\x80\x80\x80\x00"),
    "memory lane": (b"\x42\x01\x08\x03", b"\xc2\x00\x81\x00\x08\x03"),
    "block": (b"\x40", b"\x85\x80\x00"),
}


def encoded(opcode: int, *, padding: int = 0) -> bytes:
    if opcode < PREFIX_MIN:
        return bytes([opcode])
    number = opcode & 0xFFFF
    out = [opcode >> 16, number & 0x7F | 0x80, number >> 7 | 0x80, *[0x80] * padding, 0x00]
    if padding == 0:
        out = [opcode >> 16, *([number] if number < 0x80 else [number & 0x7F | 0x80, number >> 7])]
    return bytes(out)


@pytest.mark.parametrize("opcode", IMMEDIATES, ids=hex)
def test_each_instruction_is_taken_whole(opcode: int):
    match = re.compile(pattern([opcode]), re.DOTALL).match
    for padding, immediates in enumerate(EXAMPLES[IMMEDIATES[opcode]]):
        content = encoded(opcode, padding=padding) + immediates
        found = match(content + b"\x0b")
        assert found is not None
        assert found.end() == len(content)
        assert match(content, 0, len(content) - 1) is None, "cut off"


def test_no_two_opcodes_look_alike():
    """Each matches itself alone, so the order of alternatives can't matter."""
    first = {encoded(opcode) for opcode in IMMEDIATES}
    assert len(first) == len(IMMEDIATES)
    for opcode in IMMEDIATES:
        content = encoded(opcode) + EXAMPLES[IMMEDIATES[opcode]][0]
        others = re.compile(pattern(other for other in IMMEDIATES if other != opcode), re.DOTALL)
        assert others.match(content) is None


def test_every_shape_has_a_pattern_and_an_example():
    assert set(SHAPES) == set(EXAMPLES) == set(IMMEDIATES.values())


def test_counted_instructions_have_no_pattern():
    assert COUNTED.isdisjoint(IMMEDIATES)


def test_nothing_matches_no_opcodes():
    assert re.compile(pattern([]), re.DOTALL).match(b"\x00") is None


@pytest.mark.parametrize(
    "content", [b"\xfc\x12", b"\xfc\x80\x80\x80\x80\x80\x00", b"\xfd\x94\x02", b"\x06", b"\xff"]
)
def test_unknown_instructions_do_not_match(content: bytes):
    assert re.compile(pattern(IMMEDIATES), re.DOTALL).match(content + bytes(20)) is None
