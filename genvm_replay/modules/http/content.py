"""Bodies as they were before a server compressed them (RFC 9110 section 8.4). Pure; never more than was asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final, Protocol

import brotli
import zstandard

ACCEPTED: Final = b"gzip, deflate, br, zstd"
CODINGS_MAX: Final = 4
PIECE_SIZE: Final = 1 << 16
FRAME_PIECE_SIZE: Final = 256
FRAMES_MAX: Final = 4096
ZSTD_WINDOW_MAX: Final = 8 << 20


class ContentError(Exception):
    """The body is not what its content-encoding says."""


class ContentTooLarge(ContentError):
    """The body is larger than the limit once it is decompressed."""


def codings(header: bytes | None) -> list[str] | None:
    """Read a `content-encoding` header: its codings, in the order in which they were applied.

    None where one is not known here: the body stays as it is then, and so does the header.
    """
    names = [name.strip().lower() for name in (header or b"").decode("latin-1").split(",")]
    names = [name for name in names if name not in ("", "identity")]
    known = len(names) <= CODINGS_MAX and all(name in DECODERS for name in names)
    return names if known else None


def decoded(body: bytes, names: list[str], *, size_max: int) -> bytes:
    """Undo codings, the last one first. Holds at most `size_max` bytes and a piece at a time.

    Raises:
        ContentTooLarge: there is more than `size_max` bytes, in the end or in between.
        ContentError: damaged or cut short.
    """
    for name in reversed(names):
        if body:  # a reply to HEAD, a 304
            body = DECODERS[name](body, size_max)
    return body


class Frame(Protocol):
    """What undoes one frame: a stream of zlib, a member of gzip, a frame of zstd."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: memoryview, /) -> bytes: ...


def _frames(body: bytes, size_max: int, start: Callable[[], Frame], *, frames_max: int = FRAMES_MAX) -> bytes:
    """Undo frames, one after another; what stands behind the last that is allowed is ignored if that is the only one.

    A few bytes at a time: each may stand for kilobytes, and what a frame leaves over is copied, so that many small
    frames in one large piece would take quadratic time.
    """
    plain, at, count, rest = bytearray(), 0, 0, memoryview(body)
    frame: Frame | None = None
    while at < len(body) and len(plain) <= size_max:
        if frame is None or frame.eof:
            if count == frames_max == 1:
                break
            if count == frames_max:
                raise ContentError(f"more than {frames_max} frames")
            frame, count = start(), count + 1
        piece = rest[at : at + FRAME_PIECE_SIZE]
        plain += frame.decompress(piece)
        at += len(piece) - len(frame.unused_data)
    if len(plain) > size_max:
        raise ContentTooLarge
    if frame is None or not frame.eof:
        raise ContentError("cut short")
    return bytes(plain)


def _gzip(body: bytes, size_max: int) -> bytes:
    """Members, one after another (RFC 1952 section 2.2)."""
    return _frames(body, size_max, lambda: zlib.decompressobj(16 + zlib.MAX_WBITS))


def _deflate(body: bytes, size_max: int) -> bytes:
    """The zlib form by the letter, the bare form as some servers send it."""
    try:
        return _frames(body, size_max, lambda: zlib.decompressobj(zlib.MAX_WBITS), frames_max=1)
    except zlib.error:
        return _frames(body, size_max, lambda: zlib.decompressobj(-zlib.MAX_WBITS), frames_max=1)


def _brotli(body: bytes, size_max: int) -> bytes:
    decompressor = brotli.Decompressor()
    plain = bytearray()
    piece = decompressor.process(body, output_buffer_limit=PIECE_SIZE)
    while piece and len(plain) <= size_max:
        plain += piece
        piece = (
            b"" if decompressor.is_finished() else decompressor.process(b"", output_buffer_limit=PIECE_SIZE)
        )
    if len(plain) > size_max:
        raise ContentTooLarge
    if not decompressor.is_finished():
        raise ContentError("cut short")
    return bytes(plain)


def _zstd(body: bytes, size_max: int) -> bytes:
    """Frames, one after another; a window of at most 8 MiB, as HTTP has it (RFC 9659)."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_MAX)
    return _frames(body, size_max, decompressor.decompressobj)


def _guarded(decode: Callable[[bytes, int], bytes]) -> Callable[[bytes, int], bytes]:
    def guarded(body: bytes, size_max: int) -> bytes:
        try:
            return decode(body, size_max)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise ContentError(str(error)) from error

    return guarded


DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _guarded(_gzip),
    "x-gzip": _guarded(_gzip),
    "deflate": _guarded(_deflate),
    "br": _guarded(_brotli),
    "zstd": _guarded(_zstd),
}
