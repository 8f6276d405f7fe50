"""`encode`: the shortest forms, as wasmtime's own assembler writes them."""

from __future__ import annotations

import pytest
import wasmtime

from genvm_replay.executor.wasm_binary import encode
from genvm_replay.executor.wasm_binary.cursor import Cursor

from .test_cursor import NUMBERS


@pytest.mark.parametrize(("content", "reader", "value"), NUMBERS)
def test_numbers_in_the_shortest_form(content: bytes, reader: object, value: int):
    write = encode.unsigned if reader is Cursor.u32 else encode.signed
    shortest = write(value)
    assert len(shortest) <= len(content)
    assert shortest == content or len(shortest) < len(content)


def test_blocks():
    assert encode.sized(b"abc") == b"\x03abc"
    assert encode.name("é") == b"\x02\xc3\xa9"
    assert encode.vector([]) == b"\x00"
    assert encode.vector([b"a", b"bc"]) == b"\x02abc"
    assert encode.section(1, b"xy") == b"\x01\x02xy"


def test_a_module_from_blocks_is_what_the_assembler_writes():
    text = '(module (type (func (param i32) (result i64))) (import "env" "f" (func (type 0))))'
    made = b"".join(
        [
            encode.HEADER,
            encode.section(1, encode.vector([b"\x60\x01\x7f\x01\x7e"])),
            encode.section(2, encode.vector([encode.name("env") + encode.name("f") + b"\x00\x00"])),
        ]
    )
    assert made == bytes(wasmtime.wat2wasm(text))
