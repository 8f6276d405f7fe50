"""`value_types`: the types of one byte, and no others."""

from __future__ import annotations

import pytest

from genvm_replay.executor.wasm_binary.cursor import Cursor, WasmFormatError
from genvm_replay.executor.wasm_binary.value_types import F32, F64, I32, I64, VALUE_TYPES, read_value_type


@pytest.mark.parametrize("number", range(256))
def test_every_byte(number: int):
    if number in VALUE_TYPES:
        assert read_value_type(Cursor(bytes([number]))) == number
    else:
        with pytest.raises(WasmFormatError, match=f"{number:#04x}"):
            read_value_type(Cursor(bytes([number])))


def test_names():
    assert [VALUE_TYPES[number] for number in (I32, I64, F32, F64)] == ["i32", "i64", "f32", "f64"]
