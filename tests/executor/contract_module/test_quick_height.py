"""`quick_height`: gives up on what it can't judge. What it answers is tested in test_exact_height."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.contract_module.quick_height import UNKNOWN, TokenEffects, quick_height, tokens_of
from genvm_replay.executor.contract_module.signatures import Signatures
from genvm_replay.executor.wasm_binary.entries import FunctionType
from genvm_replay.executor.wasm_binary.instructions import Instruction

SIGNATURES = Signatures([FunctionType(b"\x7f", b"\x7f\x7f")], [0])
# Token, number. Numbers may be padded.
TOKENS = [
    (b"\x20\x00", 1),
    (b"\x20\x80\x00", 1),
    (b"\x6a", -1),
    (b"\x10\x00", 1),
    (b"\x11\x00\x00", 0),
    (b"\xfc\x0b\x00", -3),
    (b"\xfc\x8b\x00\x00", -3),
    (b"\x0f", UNKNOWN),
    (b"\x20", UNKNOWN),
    (b"\x10\x01", UNKNOWN),
    (b"\x02\x01", UNKNOWN),
    (b"\xfc", UNKNOWN),
    (b"\xfd", UNKNOWN),
    (b"\x0e", UNKNOWN),
    (b"\x0e\x20", UNKNOWN),
]
GIVEN_UP = [
    b"",
    b"\x01",
    b"\x0b\x0b",
    b"\x00\x01\x0b",
    b"\x02\x40\x0b",
    b"\x02\x40",
    b"\xd0\x70\x1a\x0b",
]


@pytest.mark.parametrize(("token", "number"), TOKENS)
def test_tokens(token: bytes, number: int):
    assert TokenEffects(SIGNATURES)[token] == number


@pytest.mark.parametrize("code", GIVEN_UP)
def test_given_up(code: bytes):
    assert quick_height(tokens_of(code, 0, len(code), []), 0, TokenEffects(SIGNATURES)) is None


def test_a_branch_table_is_one_token_with_what_follows():
    code = b"\x41\x00\x0e\x02\x00\x00\x00\x0b\x0b"
    table = Instruction(0x0E, 2, 3, 7)
    assert tokens_of(code, 0, len(code), [table]) == [b"\x41\x00", b"\x0e\x0b", b"\x0b"]


@given(st.binary(max_size=40))
def test_every_byte_is_in_a_token(code: bytes):
    tokens = tokens_of(code, 0, len(code), [])
    assert b"".join(tokens) == code
    quick_height(tokens, 1, TokenEffects(SIGNATURES))
