"""Runner archives: the subset of USTAR that the deployed executor reads, oddities included (spec/executor.md 6.6).

Oddities: a field's last byte is never looked at, so a name of 100 characters loses its last one; nothing stands between
the two halves of a long name; a directory has no content to step over, whatever its size says.
"""

from __future__ import annotations

import re
from typing import Final

from .archive import Archive
from .refusal import refusal, shown

BLOCK: Final = 512
END_SIZE: Final = 2 * BLOCK
NAME, SIZE, TYPE, MAGIC, PREFIX = (
    slice(0, 100),
    slice(124, 136),
    slice(156, 157),
    slice(257, 265),
    slice(345, 500),
)
USTAR: Final = b"ustar\x0000"
TYPES: Final = (b"0", b"\0", b"5")
_OCTAL: Final = re.compile(rb"[0-7]*")


def read_tar(data: bytes) -> Archive:
    """Read a runner archive.

    Raises:
        VmError: something else than the subset.
    """
    if len(data) < END_SIZE or len(data) % BLOCK:
        raise refusal(f"tar: {len(data)} bytes are not two blocks of {BLOCK} or more")
    files: dict[str, bytes] = {}
    at = 0
    while len(data) - at >= END_SIZE and data[at : at + END_SIZE] != bytes(END_SIZE):
        name, size = _read_header(data[at : at + BLOCK])
        at += BLOCK
        if name.endswith("/"):
            continue
        if size > len(data) - at:
            raise refusal(f"tar: {shown(name)} reaches outside the archive")
        if name in files:
            raise refusal(f"tar: {shown(name)} is there twice")
        files[name] = data[at : at + size]
        at += -(-size // BLOCK) * BLOCK
    return Archive(files, len(data))


def _read_header(header: bytes) -> tuple[str, int]:
    """The name and the size that a header gives."""
    if header[MAGIC] != USTAR:
        raise refusal("tar: a header is not USTAR")
    if header[TYPE] not in TYPES:
        raise refusal(f"tar: entries of type {header[TYPE]!r} are not supported")
    size = _trimmed(header[SIZE])
    if not _OCTAL.fullmatch(size):
        raise refusal(f"tar: {size!r} is no size in octal digits")
    raw = _trimmed(header[PREFIX]) + _trimmed(header[NAME])
    try:
        return raw.decode(), int(size or b"0", 8)
    except UnicodeDecodeError as error:
        raise refusal(f"tar: a name is no UTF-8: {error}") from error


def _trimmed(field: bytes) -> bytes:
    """A field without its last byte and the NULs in front of that."""
    return field[:-1].rstrip(b"\0")
