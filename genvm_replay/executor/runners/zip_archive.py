"""Contracts as zip files with stored entries (spec/executor.md 6.1; APPNOTE.TXT 6.3.10 for the records).

Two kinds of trouble, kept apart because text and wasm are tried next: bytes that don't have the structure of a zip file
are none (None), a zip file that is not as it must be is refused. Stricter than the deployed executor where the latter
leaves room for two readings: see docs/compatibility.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from .archive import Archive
from .refusal import refusal, shown

END: Final = struct.Struct("<4s4H2LH")
ENTRY: Final = struct.Struct("<4s6H3L5H2L")
LOCAL: Final = struct.Struct("<4s5H3L2H")
END_MAGIC, ENTRY_MAGIC, LOCAL_MAGIC = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
ZIP64_LOCATOR_MAGIC: Final = b"PK\x06\x07"
ZIP64_LOCATOR_SIZE: Final = 20
COMMENT_SIZE_MAX: Final = 0xFFFF
UTF8_NAME: Final = 1 << 11
FLAGS_ALLOWED: Final = UTF8_NAME | 0b110  # the two bits are hints of a compressor


class _End(NamedTuple):
    """The end-of-central-directory record, found."""

    directory: int  # where the central directory begins
    shift: int  # bytes of foreign data in front of the zip file
    at: int  # where the record itself lies
    entry_count: int


class _Entry(NamedTuple):
    """One record of the central directory."""

    name: bytes
    flags: int
    method: int
    packed_size: int
    size: int
    disk: int
    offset: int


class _Span(NamedTuple):
    """What an entry occupies: its local header and its content."""

    start: int
    content: int
    end: int


def read_zip(code: bytes) -> Archive | None:
    """Read a zip file; None if it is none.

    Data in front of it is tolerated, data behind it is not. Checksums are not looked at.

    Raises:
        VmError: an entry is compressed, encrypted, streamed, named twice, outside the file or over another one.
    """
    end = _find_end(code)
    entries = None if end is None else _read_directory(code, end)
    if end is None or entries is None:
        return None
    if code[max(0, end.at - ZIP64_LOCATOR_SIZE) : end.at].startswith(ZIP64_LOCATOR_MAGIC):
        raise refusal("zip: zip64 records are not supported")
    spans: dict[str, _Span] = {}
    for entry in entries:
        name = _name(entry)
        if name in spans:
            raise refusal(f"zip: {shown(name)} is there twice")
        spans[name] = _span(code, end, entry, name)
    _check_apart(spans.values())
    files = {name: b"" if name.endswith("/") else code[at.content : at.end] for name, at in spans.items()}
    return Archive(files, len(code))


def _check_apart(spans: Iterable[_Span]) -> None:
    """Checked before anything is copied: entries inside one another would make a few bytes into many."""
    for one, other in pairwise(sorted(spans)):
        if other.start < one.end:
            raise refusal("zip: entries overlap")


def _find_end(code: bytes) -> _End | None:
    """The last record whose comment reaches the end of the file, if it points at a directory in front of it."""
    lowest = max(0, len(code) - END.size - COMMENT_SIZE_MAX)
    at = code.rfind(END_MAGIC, lowest)
    while at >= 0:
        if at + END.size <= len(code):
            _, disk, first_disk, here, count, size, offset, comment = END.unpack_from(code, at)
            if at + END.size + comment == len(code):
                one_file = disk == first_disk == 0 and here == count and size >= count * ENTRY.size
                start, shift = at - size, at - size - offset
                return _End(start, shift, at, count) if one_file and shift >= 0 else None
        at = code.rfind(END_MAGIC, lowest, at + len(END_MAGIC) - 1)
    return None


def _read_directory(code: bytes, end: _End) -> list[_Entry] | None:
    """The entries of the central directory; None if the bytes there are something else."""
    entries = list(_walk_directory(code, end))
    if len(entries) != end.entry_count:
        return None
    return entries


def _walk_directory(code: bytes, end: _End) -> Iterator[_Entry]:
    at = end.directory
    for _ in range(end.entry_count):
        if at + ENTRY.size > end.at or not code.startswith(ENTRY_MAGIC, at):
            return
        fields = ENTRY.unpack_from(code, at)
        (_, _, _, flags, method, _, _, _, packed_size, size, name_size, extra, comment, disk, *_, offset) = (
            fields
        )
        name_at = at + ENTRY.size
        at = name_at + name_size + extra + comment
        if at > end.at:
            return
        yield _Entry(code[name_at : name_at + name_size], flags, method, packed_size, size, disk, offset)


def _name(entry: _Entry) -> str:
    if not entry.flags & UTF8_NAME:
        return entry.name.decode("cp437")
    try:
        return entry.name.decode()
    except UnicodeDecodeError as error:
        raise refusal(f"zip: a name is no UTF-8: {error}") from error


def _span(code: bytes, end: _End, entry: _Entry, name: str) -> _Span:
    """Where an entry lies, after all checks on it."""
    if entry.flags & ~FLAGS_ALLOWED or entry.disk:
        raise refusal(f"zip: {shown(name)} is encrypted, streamed or on another disk")
    if entry.method != 0 or entry.packed_size != entry.size:
        raise refusal(f"zip: {shown(name)} is compressed; entries must be stored")
    start = end.shift + entry.offset
    if start + LOCAL.size > end.directory or not code.startswith(LOCAL_MAGIC, start):
        raise refusal(f"zip: {shown(name)} has no local header")
    _, _, flags, method, _, _, _, packed_size, size, name_size, extra = LOCAL.unpack_from(code, start)
    name_at = start + LOCAL.size
    content = name_at + name_size + extra
    local = _Entry(code[name_at : name_at + name_size], flags, method, packed_size, size, 0, entry.offset)
    if local != entry:
        raise refusal(f"zip: the two headers of {shown(name)} contradict each other")
    if content + size > end.directory:
        raise refusal(f"zip: {shown(name)} reaches outside the file")
    return _Span(start, content, content + size)
