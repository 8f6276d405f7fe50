"""A byte vector without an end of which only some bytes are known: a storage slot as a record shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PAGE: Final = 4096
_GAP: Final = re.compile(rb"\x00+")
_HELD: Final = re.compile(rb"\x01+")


class SparseBytes:
    """Bytes by index. What was never put is unknown, which is not the same as zero."""

    def __init__(self) -> None:
        self._pages: dict[int, tuple[bytearray, bytearray]] = {}  # data, and 1 for each byte that is known

    def put(self, index: int, data: bytes | bytearray, *, but_not: SparseBytes | None = None) -> None:
        """Learn bytes, except where `but_not` knows some; what was known of them before is replaced."""
        if but_not is not None:
            for part in gaps(but_not.get(index, len(data))[1]):
                self.put(index + part.start, data[part])
            return
        for number, offset, at, size in _spans(index, len(data)):
            page, marks = self._pages.setdefault(number, (bytearray(PAGE), bytearray(PAGE)))
            page[offset : offset + size] = data[at : at + size]
            marks[offset : offset + size] = b"\1" * size

    def get(self, index: int, length: int) -> tuple[bytearray, bytearray]:
        """Bytes, and for each of them 1 where it is known, 0 where it is not (the byte is 0 then)."""
        data, marks = bytearray(length), bytearray(length)
        for number, offset, at, size in _spans(index, length):
            page = self._pages.get(number)
            if page is not None:
                data[at : at + size] = page[0][offset : offset + size]
                marks[at : at + size] = page[1][offset : offset + size]
        return data, marks

    def fetch(self, index: int, length: int) -> bytes | int:
        """`length` bytes, or the index of the first one that is unknown."""
        data, marks = self.get(index, length)
        unknown = marks.find(0)
        return bytes(data) if unknown < 0 else index + unknown

    def lay(self, above: SparseBytes, index: int, length: int) -> None:
        """Take over what another one knows of a span."""
        data, marks = above.get(index, length)
        for part in held(marks):
            self.put(index + part.start, data[part])

    def knows_any(self, index: int, length: int) -> bool:
        """Whether one of these bytes is known."""
        return 1 in self.get(index, length)[1]


def gaps(marks: bytes | bytearray) -> list[slice]:
    """The stretches that are unknown, in order."""
    return [slice(*found.span()) for found in _GAP.finditer(marks)]


def held(marks: bytes | bytearray) -> list[slice]:
    """The stretches that are known, in order."""
    return [slice(*found.span()) for found in _HELD.finditer(marks)]


def _spans(index: int, length: int) -> Iterator[tuple[int, int, int, int]]:
    """Page, offset in it, position in the span, and size of each piece of a span."""
    at = 0
    while at < length:
        number, offset = divmod(index + at, PAGE)
        size = min(length - at, PAGE - offset)
        yield number, offset, at, size
        at += size
