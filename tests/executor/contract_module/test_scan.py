"""`scan`: finds what a walk finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.contract_module.scan import Scan
from genvm_replay.executor.wasm_binary.cursor import WasmFormatError
from genvm_replay.executor.wasm_binary.entries import read_body
from genvm_replay.executor.wasm_binary.instructions import skip_locals, walk
from genvm_replay.executor.wasm_binary.opcodes import BRANCH_TABLE, CALL
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary

from .programs import program

WANTED = [0x0F, CALL, 0x20]


@given(st.integers(0, 1 << 32), st.lists(st.sampled_from(WANTED), unique=True))
def test_like_a_walk(seed: int, wanted: list[int]):
    code = program(seed).code
    for body in WasmBinary.parse(code).vector(SectionId.CODE, read_body):
        start = skip_locals(code, body.start, body.end)
        found = [item for item in walk(code, start, body.end) if item.opcode in (*wanted, BRANCH_TABLE)]
        assert list(Scan(wanted)(code, start, body.end)) == found


TABLES = [
    (b"\x0e\x00\x05", 3),
    (b"\x0e\x02\x00\x01\x02", 5),
    (b"\x0e\x82\x00\x00\x01\x02", 6),
    (b"\x0e\x01\x80\x00\x00", 5),
    (b"\x0e\x80\x01" + bytes(129), 132),
]


@pytest.mark.parametrize(("code", "size"), TABLES)
def test_branch_tables_of_any_form(code: bytes, size: int):
    found = list(Scan([])(code + b"\x0b", 0, len(code) + 1))
    assert [(item.opcode, item.end) for item in found] == [(BRANCH_TABLE, size)]


@pytest.mark.parametrize("code", [b"\x0e", b"\x0e\x05\x00", b"\x20", b"\xff"])
def test_cut_off(code: bytes):
    with pytest.raises(WasmFormatError):
        list(Scan([])(code, 0, len(code)))


def test_other_languages_are_yielded():
    assert [item.opcode for item in Scan([])(b"\xd0\x70\x1a", 0, 3)] == [0xD0]
