"""Bytes that arrived, until they make a whole frame: the one place that copes with bytes split anywhere.

A reading function takes piece after piece from the inbox as if all of it were there. Where it is not, the attempt ends
and begins again from the first byte once the missing ones have come. Frames have few pieces, so an attempt is cheap.
None is made before the piece that was missing is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Concatenate, Final, ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Bytes: TypeAlias = bytes | bytearray | memoryview

_U32: Final = Struct("<I")


class Missing(Exception):
    """The frame is not whole yet. Only `Inbox.pull` sees it."""


class Unfit(Exception):
    """A value that the wire can't carry, or bytes that are no such value. `wire` says whose fault it is."""


class Inbox:
    """Received bytes without an end."""

    __slots__ = ("_at", "_enough", "_unread")

    def __init__(self) -> None:
        self._unread: bytes | bytearray = b""  # most frames come in one piece and are never put together
        self._at = 0  # what the present attempt has taken
        self._enough = 0  # an attempt with fewer bytes than this would fail where the last one failed

    def __len__(self) -> int:
        """Bytes of frames that were not pulled."""
        return len(self._unread)

    def first(self) -> int | None:
        """The first byte of the next frame; None before it has come."""
        return self._unread[0] if self._unread else None

    def feed(self, data: Bytes) -> None:
        """Add received bytes. Reads nothing: call `pull` until it gives None."""
        if self._unread:
            self._unread = self._growing()
            self._unread += data
        else:
            self._unread = bytes(data)

    def pull(self, read: Callable[Concatenate[Inbox, P], T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Read the next frame with `read(self, ...)`; None while its last byte is missing."""
        if len(self._unread) < self._enough:
            return None
        self._at = 0
        try:
            frame = read(self, *args, **kwargs)
        except Missing:
            return None
        if self._at == len(self._unread):
            self._unread = b""
        else:
            self._unread = self._growing()
            del self._unread[: self._at]
        self._enough = 0
        return frame

    def take(self, size: int) -> bytes:
        """Take the next `size` bytes.

        Raises:
            Missing: they are not all there.
        """
        unread, begin = self._unread, self._at
        end = begin + size
        if end > len(unread):
            self._enough = end
            raise Missing
        self._at = end
        if isinstance(unread, bytes):
            return unread[begin:end]
        return bytes(memoryview(unread)[begin:end])

    def take_slice(self, size_max: int) -> bytes:
        """Take a u32 length and that many bytes (spec/executor.md 1.1).

        Raises:
            Missing: they are not all there.
            Unfit: the length is above `size_max`; raised before any of these bytes has come.
        """
        (size,) = _U32.unpack(self.take(4))
        if size > size_max:
            raise Unfit(f"a slice of {size} bytes is announced, limit {size_max}")
        return self.take(size)

    def _growing(self) -> bytearray:
        """The unread bytes in a form that grows, and shrinks from its beginning, without being copied each time."""
        return self._unread if isinstance(self._unread, bytearray) else bytearray(self._unread)


def slice_bytes(value: object, size_max: int) -> bytes:
    """What `take_slice` reads.

    Raises:
        Unfit: no bytes, or too many.
    """
    if not isinstance(value, bytes):
        raise Unfit(f"{type(value).__name__} in place of bytes")
    if len(value) > size_max:
        raise Unfit(f"a slice of {len(value)} bytes, limit {size_max}")
    return _U32.pack(len(value)) + value
