"""What a run prints, within bounds: the head and the tail are kept, and where something was cut stands a mark.

A pipe is read as it fills, so that its writer never waits for long; nothing here knows what is in it but `LogLines`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

TEXT_BYTES_MAX: Final = 256 << 10  # of standard output, and of standard error
LOG_BYTES_MAX: Final = 1 << 20
LINE_BYTES_MAX: Final = 64 << 10  # a longer line of a log is cut there

LogTaker = Callable[[Mapping[str, Any]], None]


class HeadAndTail:
    """Keeps the first and the last half of `size_max` bytes."""

    def __init__(self, size_max: int = TEXT_BYTES_MAX) -> None:
        self._half = size_max // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        room = self._half - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[room:] if room > 0 else data
        surplus = len(self._tail) - self._half
        if surplus > self._half:  # now and then, so that a byte is moved about once
            self._drop(surplus)

    def _drop(self, surplus: int) -> None:
        self._cut += surplus
        del self._tail[:surplus]

    def text(self) -> str:
        """What is kept; what is no UTF-8 becomes U+FFFD."""
        self._drop(max(0, len(self._tail) - self._half))
        mark = f"\n[{self._cut} bytes were cut here]\n".encode() if self._cut else b""
        return (bytes(self._head) + mark + bytes(self._tail)).decode(errors="replace")


class LogLines:
    """Reads lines of a log: an object of JSON each, or else text; keeps head and tail of them."""

    def __init__(self, on_line: LogTaker, size_max: int = LOG_BYTES_MAX) -> None:
        """
        Args:
            on_line: is told each line at once, whether it is kept or not.
        """
        self._on_line = on_line
        self._half = size_max // 2
        self._unread = bytearray()
        self._head: list[Mapping[str, Any]] = []
        self._tail: deque[tuple[int, Mapping[str, Any]]] = deque()
        self._head_bytes = self._tail_bytes = self._cut = 0

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self._unread += data
        *lines, rest = self._unread.split(b"\n")
        for line in lines:
            self._take(bytes(line[:LINE_BYTES_MAX]))
        self._unread = rest[: LINE_BYTES_MAX + 1]

    def finish(self) -> None:
        """Take a last line that has no end."""
        if self._unread:
            self._take(bytes(self._unread[:LINE_BYTES_MAX]))
            self._unread.clear()

    def add(self, line: Mapping[str, Any], size: int) -> None:
        """Add a line that was read elsewhere, of about `size` bytes."""
        if not self._tail and self._head_bytes + size <= self._half:
            self._head.append(line)
            self._head_bytes += size
            return
        self._tail.append((size, line))
        self._tail_bytes += size
        while self._tail_bytes > self._half:
            self._tail_bytes -= self._tail.popleft()[0]
            self._cut += 1

    def lines(self) -> list[Mapping[str, Any]]:
        """What is kept."""
        cut = {"level": "warning", "message": f"{self._cut} lines of the log were cut here"}
        return [*self._head, *([cut] if self._cut else []), *(line for _, line in self._tail)]

    def _take(self, line: bytes) -> None:
        if line.strip():
            read = read_line(line)
            self._on_line(read)
            self.add(read, len(line))


def read_line(line: bytes) -> Mapping[str, Any]:
    """One line of a log; what is no object of JSON, or can't be told as one, becomes the message of one."""
    text = line.decode(errors="replace")
    try:
        read = json.loads(text)
        msgspec.json.encode(read)  # half a character is none
    except (ValueError, RecursionError, OverflowError):
        read = None
    return read if isinstance(read, dict) else {"level": "info", "message": text}
