"""Bodies as they were before a server compressed them (RFC 9110 section 8.4). Pure; never more than was asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import brotli
import zstandard

ACCEPTED: Final = b"gzip, deflate, br, zstd"
CODINGS_MAX: Final = 4
PIECE_SIZE: Final = 1 << 16
ZSTD_PIECE_SIZE: Final = 256
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


def _inflate(body: bytes, size_max: int, window: int) -> bytes:
    inflater = zlib.decompressobj(window)
    plain = inflater.decompress(body, size_max + 1)
    while inflater.eof and window > zlib.MAX_WBITS and inflater.unused_data and len(plain) <= size_max:
        body = inflater.unused_data  # a gzip file may have members (RFC 1952 section 2.2)
        inflater = zlib.decompressobj(window)
        plain += inflater.decompress(body, size_max + 1 - len(plain))
    if len(plain) > size_max:
        raise ContentTooLarge
    if not inflater.eof:
        raise ContentError("cut short")
    return plain


def _gzip(body: bytes, size_max: int) -> bytes:
    return _inflate(body, size_max, 16 + zlib.MAX_WBITS)


def _deflate(body: bytes, size_max: int) -> bytes:
    """The zlib form by the letter, the bare form as some servers send it."""
    try:
        return _inflate(body, size_max, zlib.MAX_WBITS)
    except zlib.error:
        return _inflate(body, size_max, -zlib.MAX_WBITS)


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
    """A window of at most 8 MiB, as HTTP has it (RFC 9659). A few bytes at a time: each may stand for 32 KiB."""
    plain = bytearray()
    rest = memoryview(body)
    frame = None
    while rest and len(plain) <= size_max:
        if frame is None or frame.eof:
            frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_MAX).decompressobj()
        piece, rest = rest[:ZSTD_PIECE_SIZE], rest[ZSTD_PIECE_SIZE:]
        plain += frame.decompress(piece)
        if frame.unused_data:
            rest = memoryview(frame.unused_data + bytes(rest))
    if len(plain) > size_max:
        raise ContentTooLarge
    if frame is None or not frame.eof:
        raise ContentError("cut short")
    return bytes(plain)


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
