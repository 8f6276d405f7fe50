"""`cursor`: values come out as they were put in, and nothing past the end is ever taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.wasm_binary import encode
from genvm_replay.executor.wasm_binary.cursor import Cursor, WasmFormatError

S32 = st.integers(-(1 << 31), (1 << 31) - 1)
S64 = st.integers(-(1 << 63), (1 << 63) - 1)
READERS: list[Callable[[Cursor], object]] = [
    Cursor.byte,
    Cursor.u32,
    Cursor.s32,
    Cursor.s64,
    Cursor.count,
    Cursor.name,
]

# Encoded, reader, value; `test_encode` feeds the shortest forms the other way.
NUMBERS = [
    (b"\x00", Cursor.u32, 0),
    (b"\x7f", Cursor.u32, 127),
    (b"\x80\x01", Cursor.u32, 128),
    (b"\xe5\x8e\x26", Cursor.u32, 624_485),
    (b"\x80\x80\x80\x80\x00", Cursor.u32, 0),
    (b"\xff\xff\xff\xff\x0f", Cursor.u32, (1 << 32) - 1),
    (b"\x3f", Cursor.s32, 63),
    (b"\x40", Cursor.s32, -64),
    (b"\xff\x7f", Cursor.s32, -1),
    (b"\x80\x80\x80\x80\x78", Cursor.s32, -(1 << 31)),
    (b"\xff\xff\xff\xff\x07", Cursor.s32, (1 << 31) - 1),
    (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", Cursor.s64, -(1 << 63)),
]
REFUSED = [
    (b"", Cursor.u32),
    (b"\x80", Cursor.u32),
    (b"\x80\x80\x80\x80\x80\x00", Cursor.u32),  # six bytes
    (b"\xff\xff\xff\xff\x1f", Cursor.u32),  # 33 bits
    (b"\xff\xff\xff\xff\x0f", Cursor.s32),
    (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", Cursor.s64),
    (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Cursor.s64),
    (b"", Cursor.byte),
    (b"\x02a", Cursor.name),
    (b"\x01\xff", Cursor.name),
    (b"\x05abcd", Cursor.count),
]


@pytest.mark.parametrize(("content", "reader", "value"), NUMBERS)
def test_numbers(content: bytes, reader: Callable[[Cursor], int], value: int):
    cursor = Cursor(content)
    assert reader(cursor) == value
    cursor.finish("number")


@pytest.mark.parametrize(("content", "reader"), REFUSED)
def test_refusals_name_the_offset(content: bytes, reader: Callable[[Cursor], object]):
    with pytest.raises(WasmFormatError) as caught:
        reader(Cursor(b"??" + content, 2))
    assert 2 <= caught.value.offset <= 2 + len(content)
    assert f"{caught.value.offset:#x}" in str(caught.value)
    assert caught.value.expected in str(caught.value)


@given(st.integers(0, (1 << 32) - 1))
def test_unsigned_round_trip(value: int):
    assert Cursor(encode.unsigned(value)).u32() == value


@given(S32)
def test_signed_32_round_trip(value: int):
    assert Cursor(encode.signed(value)).s32() == value


@given(S64)
def test_signed_64_round_trip(value: int):
    assert Cursor(encode.signed(value)).s64() == value


@given(st.text())
def test_name_round_trip(text: str):
    assert Cursor(encode.name(text)).name() == text


@given(st.binary(max_size=30), st.integers(-3, 33), st.integers(-3, 33), st.sampled_from(READERS))
def test_garbage_gives_a_value_or_a_format_error(content: bytes, pos: int, end: int, reader: Callable):
    """And the cursor stays inside its span."""
    try:
        cursor = Cursor(content, pos, end)
        reader(cursor)
    except WasmFormatError:
        return
    assert pos < cursor.pos <= end <= len(content)


def test_take_skip_and_finish():
    cursor = Cursor(b"abcdef", 1, 5)
    assert (cursor.take(2), cursor.skip(1), cursor.take(0)) == (b"bc", 3, b"")
    with pytest.raises(WasmFormatError, match="the end of the test"):
        cursor.finish("test")
    with pytest.raises(WasmFormatError, match="2 bytes, not 1"):
        cursor.take(2)
    cursor.skip(1)
    cursor.finish("test")
