"""GuestMemory: no byte outside the guest's memory is ever touched."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import GuestFault
from genvm_replay.executor.memory import GuestMemory

SIZE = 4096
POINTERS = st.integers(-(2**31), 2**32 - 1) | st.integers(SIZE - 40, SIZE + 40) | st.integers(0, 64)


def memory() -> tuple[GuestMemory, ctypes.Array[ctypes.c_char]]:
    space = (ctypes.c_char * (SIZE + 128)).from_buffer(bytearray(b"\xaa" * (SIZE + 128)))
    return GuestMemory(ctypes.addressof(space) + 64, lambda: SIZE), space


@given(POINTERS, st.binary(max_size=80))
def test_a_write_lands_where_it_says_or_nowhere(ptr: int, data: bytes) -> None:
    """Spans outside memory raise and change nothing; the bytes around the memory are never touched."""
    mem, space = memory()
    inside = (ptr & 0xFFFF_FFFF) + len(data) <= SIZE
    expected = bytearray(b"\xaa" * (SIZE + 128))
    if inside:
        mem.write(ptr, data)
        at = 64 + (ptr & 0xFFFF_FFFF)
        expected[at : at + len(data)] = data
        assert mem.read(ptr, len(data)) == data
    else:
        with pytest.raises(GuestFault):
            mem.write(ptr, data)
    assert bytes(space) == bytes(expected)


@given(POINTERS, st.integers(0, 2**33))
def test_a_read_has_the_asked_size_or_fails(ptr: int, size: int) -> None:
    """A read is never cut short."""
    mem, _ = memory()
    if (ptr & 0xFFFF_FFFF) + size <= SIZE:
        assert len(mem.read(ptr, size)) == size
    else:
        with pytest.raises(GuestFault):
            mem.read(ptr, size)


def test_growth_is_seen() -> None:
    """A span that ends beyond the known size asks for the present one."""
    space = (ctypes.c_char * 200)()
    sizes = iter([100, 200, 200])
    mem = GuestMemory(ctypes.addressof(space), lambda: next(sizes))
    mem.write(150, b"x")
    with pytest.raises(GuestFault):
        mem.read(200, 1)
    assert mem.read(200, 0) == b""


def test_integers_are_little_endian_and_unaligned() -> None:
    """u32 and u64 at odd addresses."""
    mem, _ = memory()
    mem.write_u64(1, 0x1122334455667788)
    assert mem.read(1, 8) == bytes.fromhex("8877665544332211")
    assert mem.read_u32(3) == 0x33445566
    mem.write_u32(5, -1)
    assert mem.read(5, 4) == b"\xff" * 4
    assert list(mem.read_vectors(0, 0)) == []
    with pytest.raises(GuestFault):
        mem.read_vectors(SIZE - 7, 1)
