"""`language`: the table has exactly the instructions that the engine accepts, and no effect twice."""

from __future__ import annotations

import pytest
import wasmtime

from genvm_replay.executor.contract_module.language import CONTROL, EFFECTS, FLOAT_ARITHMETIC, JUMPS
from genvm_replay.executor.engine import Build
from genvm_replay.executor.wasm_binary import encode
from genvm_replay.executor.wasm_binary.opcodes import BRANCH_TABLE, IMMEDIATES, NUMERIC, SHAPES

from .guests import engine

SATURATING = range(NUMERIC, NUMERIC + 8)
KNOWN = {*EFFECTS, *CONTROL, *JUMPS}
EXAMPLES = {
    "": b"",
    "index": b"\0",
    "two indices": b"\0\0",
    "i32": b"\0",
    "i64": b"\0",
    "memory": b"\0\0",
    "lane": b"\0",
}
EXAMPLES |= {
    "block": b"\x40\x0b",
    "4 bytes": bytes(4),
    "8 bytes": bytes(8),
    "16 bytes": bytes(16),
    "memory lane": bytes(3),
}


def accepted(opcode: int) -> bool:
    """Whether the engine takes the instruction in unreachable code, where operands don't matter."""
    head = bytes([opcode]) if opcode < 0x100 else bytes([opcode >> 16]) + encode.unsigned(opcode & 0xFFFF)
    code = head + EXAMPLES[IMMEDIATES[opcode]]
    if opcode == 0x05:
        code = b"\x04\x40\x05\x0b"
    if opcode == 0x0B:
        code = b"\x02\x40\x0b"
    body = encode.sized(b"\x01\x01\x7f\x00" + code + b"\x00\x0b")
    sections = [
        (1, [b"\x60\0\0"]),
        (3, [b"\0"]),
        (4, [b"\x70\0\0"]),
        (5, [b"\0\0"]),
        (6, [b"\x7f\1\x41\0\x0b"]),
        (9, [b"\x03\0\1\0"]),
    ]
    after = (
        encode.section(12, b"\1") + encode.section(10, encode.vector([body])) + encode.section(11, b"\1\1\0")
    )
    module = b"".join(encode.section(number, encode.vector(items)) for number, items in sections)
    try:
        wasmtime.Module.validate(engine(Build.FAST), encode.HEADER + module + after)
    except wasmtime.WasmtimeError:
        return False
    return True


@pytest.mark.parametrize("opcode", IMMEDIATES, ids=hex)
def test_the_table_is_what_the_engine_accepts(opcode: int):
    """Without the saturating conversions, which only the table refuses."""
    assert set(EXAMPLES) == set(SHAPES)
    assert accepted(opcode) == (opcode in KNOWN or opcode in SATURATING)


def test_each_instruction_stands_in_one_place():
    assert len(KNOWN) == len(EFFECTS) + len(CONTROL) + len(JUMPS)
    assert set(EFFECTS) >= FLOAT_ARITHMETIC
    assert BRANCH_TABLE not in KNOWN, "it has its own reader"
