"""Bytes of which only some are known: a storage slot as far as a record shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

PAGE: Final = 4096
KNOWN: Final = 1


class SparseBytes:
    """A byte vector without an end; what was never put is unknown."""

    def __init__(self) -> None:
        self._pages: dict[int, tuple[bytearray, bytearray]] = {}  # contents, and KNOWN where they are known

    def put(self, index: int, data: bytes, *, but_not: SparseBytes | None = None) -> None:
        """Make bytes known, except where `but_not` knows some."""
        for number, offset, at, size in _pieces(index, len(data)):
            contents, known = self._pages.setdefault(number, (bytearray(PAGE), bytearray(PAGE)))
            held = but_not and but_not._pages.get(number)
            if not held:
                contents[offset : offset + size] = data[at : at + size]
                known[offset : offset + size] = bytes((KNOWN,)) * size
                continue
            for place in range(size):
                if not held[1][offset + place]:
                    contents[offset + place] = data[at + place]
                    known[offset + place] = KNOWN

    def get(self, index: int, length: int) -> bytes | int:
        """`length` bytes, or the index of the first one that is unknown."""
        parts: list[bytes] = []
        for number, offset, _, size in _pieces(index, length):
            page = self._pages.get(number)
            missing = 0 if page is None else page[1].find(0, offset, offset + size) - offset
            if page is None or missing >= 0:
                return number * PAGE + offset + missing
            parts.append(bytes(page[0][offset : offset + size]))
        return b"".join(parts)

    def lay(self, above: SparseBytes, index: int, length: int) -> None:
        """Take over what another one knows of a span, and whatever it knows around it."""
        for number, _, _, _ in _pieces(index, length):
            page = above._pages.get(number)
            if page is None:
                continue
            contents, known = self._pages.setdefault(number, (bytearray(PAGE), bytearray(PAGE)))
            for start, end in _stretches(page[1]):
                contents[start:end] = page[0][start:end]
                known[start:end] = page[1][start:end]

    def knows_any(self, index: int, length: int) -> bool:
        """Whether one of these bytes is known."""
        pages = (
            (self._pages.get(number), offset, size) for number, offset, _, size in _pieces(index, length)
        )
        return any(page and page[1].find(KNOWN, offset, offset + size) >= 0 for page, offset, size in pages)


def _stretches(known: bytearray) -> Iterator[tuple[int, int]]:
    """Where the known bytes of a page begin and end."""
    start = known.find(KNOWN)
    while start >= 0:
        end = known.find(0, start)
        end = PAGE if end < 0 else end
        yield start, end
        start = known.find(KNOWN, end)


def _pieces(index: int, length: int) -> Iterator[tuple[int, int, int, int]]:
    """The parts of a span: page number, offset in it, offset in the span, size."""
    at = 0
    while at < length:
        number, offset = divmod(index + at, PAGE)
        size = min(length - at, PAGE - offset)
        yield number, offset, at, size
        at += size
