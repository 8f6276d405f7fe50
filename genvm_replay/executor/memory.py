"""Guest memory: the only place that turns a guest pointer into a host address.

Every span is bounds-checked against the present size of the linear memory before a byte moves; a span that leaves it
raises `GuestFault`, which ends the run with an internal error (spec/executor.md 4.1). Pointers arrive as unsigned
32-bit numbers; `MASK` keeps that true for callers that hold a signed one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from ..errors import GuestFault
from .ffi import ADDRESS_SPACE

MASK: Final = 0xFFFF_FFFF
_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_U32X2: Final = struct.Struct("<II")


class GuestMemory:
    """One linear memory. `base` never moves (the engine reserves 4 GiB); `size` only grows."""

    __slots__ = ("_current_size", "base", "size")

    def __init__(self, base: int, current_size: Callable[[], int]) -> None:
        """
        Args:
            base: absolute address of guest address 0.
            current_size: gives the present size in bytes; asked only when a span ends beyond the known size.
        """
        self.base = base
        self._current_size = current_size
        self.size = current_size()

    def span(self, ptr: int, size: int) -> int:
        """Check `size` bytes at `ptr` and give their absolute address.

        The end is exclusive: 0 bytes at the very end are valid (WebAssembly core 2.0, 4.4.7).

        Raises:
            GuestFault: the span leaves the memory.
        """
        ptr &= MASK
        end = ptr + size
        if end > self.size:
            self.size = self._current_size()
            if end > self.size:
                raise GuestFault(
                    f"guest pointer {ptr:#x} + {size} bytes leaves the memory of {self.size} bytes"
                )
        return self.base + ptr

    def present_size(self) -> int:
        """Bytes of linear memory now, a multiple of 65536."""
        self.size = self._current_size()
        return self.size

    def read(self, ptr: int, size: int) -> bytes:
        """Copy `size` bytes at guest address `ptr`; what the guest writes later does not show in the copy."""
        ptr &= MASK
        if ptr + size > self.size:
            self.span(ptr, size)
        at = self.base + ptr
        return bytes(ADDRESS_SPACE[at : at + size])

    def write(self, ptr: int, data: bytes | memoryview) -> None:
        """Copy `data` to guest address `ptr`."""
        ptr &= MASK
        size = len(data)
        if ptr + size > self.size:
            self.span(ptr, size)
        at = self.base + ptr
        ADDRESS_SPACE[at : at + size] = data

    def read_u32(self, ptr: int) -> int:
        """Read a little-endian u32; it need not be aligned."""
        return _U32.unpack_from(ADDRESS_SPACE, self.span(ptr, 4))[0]  # type: ignore[no-any-return]

    def write_u32(self, ptr: int, value: int) -> None:
        """Write a little-endian u32."""
        _U32.pack_into(ADDRESS_SPACE, self.span(ptr, 4), value & MASK)

    def write_u64(self, ptr: int, value: int) -> None:
        """Write a little-endian u64."""
        _U64.pack_into(ADDRESS_SPACE, self.span(ptr, 8), value)

    def read_vectors(self, ptr: int, count: int) -> Iterator[tuple[int, int]]:
        """Read `count` wasip1 iovec records one by one: (pointer, size) each, not yet checked."""
        at = self.span(ptr, 8 * count)
        return _U32X2.iter_unpack(ADDRESS_SPACE[at : at + 8 * count])
