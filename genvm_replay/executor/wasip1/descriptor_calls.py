"""wasip1: functions on open descriptors (spec/executor.md 7.2)."""

from __future__ import annotations

import struct
from typing import Final

from ...journal.events import WriteStream
from ..guest import Guest
from .descriptors import Open, Stream
from .errno import Errno
from .files import Directory, File, Node

TYPE_UNKNOWN, TYPE_CHARACTER, TYPE_DIRECTORY, TYPE_FILE = 0, 2, 3, 4
RIGHT_FD_WRITE: Final = 0x40
RIGHTS_FILE: Final = 0x24E0B7
RIGHTS_DIRECTORY: Final = 0x24E002
WRITE_BYTES_MAX: Final = 16 << 20  # a longer write is cut short, as any stream may do
FDSTAT: Final = struct.Struct("<BxHxxxxQQ")
FILESTAT: Final = struct.Struct("<QQBxxxxxxxQQQQQ")
DIRENT: Final = struct.Struct("<QQIBxxx")
PRESTAT: Final = struct.Struct("<BxxxI")
SEEK_SET, SEEK_CUR, SEEK_END = 0, 1, 2


def fd_close(guest: Guest, fd: int) -> Errno:
    """Close any descriptor, 0 to 3 too."""
    return Errno.SUCCESS if guest.descriptors.close(fd) else Errno.BADF


def fd_fdstat_get(guest: Guest, fd: int, out_ptr: int) -> Errno:
    """Write type, flags (0) and rights of a descriptor."""
    opened = guest.descriptors.table.get(fd)
    if opened is None:
        return Errno.BADF
    kinds = {
        Stream: (TYPE_UNKNOWN, RIGHT_FD_WRITE),
        File: (TYPE_FILE, RIGHTS_FILE),
        Directory: (TYPE_DIRECTORY, RIGHTS_DIRECTORY),
    }
    kind, rights = kinds[type(opened.target)]
    guest.memory.write(out_ptr, FDSTAT.pack(kind, 0, rights, rights))
    return Errno.SUCCESS


def filestat(node: Node | Stream, links: int) -> bytes:
    """The 64-byte record of a node: device, inode and times are 0."""
    if isinstance(node, Stream):
        return FILESTAT.pack(0, 0, TYPE_CHARACTER, links, 0, 0, 0, 0)
    if isinstance(node, Directory):
        return FILESTAT.pack(0, 0, TYPE_DIRECTORY, links, 0, 0, 0, 0)
    return FILESTAT.pack(0, 0, TYPE_FILE, links, node.size, 0, 0, 0)


def fd_filestat_get(guest: Guest, fd: int, out_ptr: int) -> Errno:
    """Write the record of what stands behind a descriptor."""
    opened = guest.descriptors.table.get(fd)
    if opened is None:
        return Errno.BADF
    guest.memory.write(out_ptr, filestat(opened.target, links=1))
    return Errno.SUCCESS


def fd_filestat_set(guest: Guest, fd: int, *_times: int) -> Errno:
    """Sizes and times never change."""
    return Errno.ROFS if fd in guest.descriptors.table else Errno.BADF


def fd_read(guest: Guest, fd: int, vectors_ptr: int, count: int, out_ptr: int) -> Errno:
    """Scatter from the file's offset; short at the end, 0 bytes past it."""
    opened = _readable(guest, fd)
    if isinstance(opened, Errno):
        return opened
    moved = _scatter(guest, opened, opened.offset, vectors_ptr, count)
    opened.offset += moved
    guest.memory.write_u32(out_ptr, moved)
    return Errno.SUCCESS


def fd_pread(guest: Guest, fd: int, vectors_ptr: int, count: int, offset: int, out_ptr: int) -> Errno:
    """Scatter from `offset`. Past the end: 0 bytes (the deployed executor panics there, spec/executor.md 7.2)."""
    opened = _readable(guest, fd)
    if isinstance(opened, Errno):
        return opened
    guest.memory.write_u32(out_ptr, _scatter(guest, opened, offset, vectors_ptr, count))
    return Errno.SUCCESS


def _readable(guest: Guest, fd: int) -> Open | Errno:
    opened = guest.descriptors.table.get(fd)
    if opened is None:
        return Errno.BADF
    if isinstance(opened.target, File):
        return opened
    return Errno.ISDIR if isinstance(opened.target, Directory) else Errno.ACCES


def _scatter(guest: Guest, opened: Open, offset: int, vectors_ptr: int, count: int) -> int:
    assert isinstance(opened.target, File)
    data, start = opened.target.data, offset
    for ptr, size in guest.memory.read_vectors(vectors_ptr, count):
        piece = data[offset : offset + size]
        guest.memory.write(ptr, piece)
        offset += len(piece)
        if len(piece) < size:
            break
    return offset - start


def fd_write(guest: Guest, fd: int, vectors_ptr: int, count: int, out_ptr: int) -> Errno:
    """Pass the bytes of standard output and standard error on, WRITE_BYTES_MAX at a time; files are read-only."""
    opened = guest.descriptors.table.get(fd)
    if opened is None:
        return Errno.BADF
    if not isinstance(opened.target, Stream):
        return Errno.ROFS
    data = bytearray()
    for ptr, size in guest.memory.read_vectors(vectors_ptr, count):
        data += guest.memory.read(ptr, min(size, WRITE_BYTES_MAX - len(data)))
        if len(data) == WRITE_BYTES_MAX:
            break
    guest.memory.write_u32(out_ptr, len(data))
    guest.effects.perform(WriteStream(opened.target.number, bytes(data)))
    return Errno.SUCCESS


def fd_pwrite(guest: Guest, fd: int, *_args: int) -> Errno:
    """There is nothing that could be written at an offset."""
    return Errno.NOTSUP if fd in guest.descriptors.table else Errno.BADF


def fd_seek(guest: Guest, fd: int, offset: int, whence: int, out_ptr: int) -> Errno:
    """Move a file's offset, clamped to [0, size], and write the new one."""
    opened = guest.descriptors.table.get(fd)
    if opened is None:
        return Errno.BADF
    if not isinstance(opened.target, File):
        return Errno.SPIPE if isinstance(opened.target, Stream) else Errno.NOTSUP
    size = len(opened.target.data)
    origins = {SEEK_SET: 0, SEEK_CUR: opened.offset}
    if opened.target.seeks_from_end:
        origins[SEEK_END] = size
    if whence not in origins:
        return Errno.NOTSUP if whence == SEEK_END else Errno.INVAL
    signed = offset - (1 << 64) if offset >> 63 else offset
    opened.offset = min(max(origins[whence] + signed, 0), size)
    guest.memory.write_u64(out_ptr, opened.offset)
    return Errno.SUCCESS


def fd_tell(guest: Guest, fd: int, out_ptr: int) -> Errno:
    """Write a file's offset."""
    opened = guest.descriptors.table.get(fd)
    if opened is None:
        return Errno.BADF
    if not isinstance(opened.target, File):
        return Errno.SPIPE if isinstance(opened.target, Stream) else Errno.NOTSUP
    guest.memory.write_u64(out_ptr, opened.offset)
    return Errno.SUCCESS


def fd_prestat_get(guest: Guest, fd: int, out_ptr: int) -> Errno:
    """Any directory counts as preopened (spec/executor.md 7.2)."""
    name = _directory_name(guest, fd)
    if name is None:
        return Errno.BADF
    guest.memory.write(out_ptr, PRESTAT.pack(0, len(name)))
    return Errno.SUCCESS


def fd_prestat_dir_name(guest: Guest, fd: int, out_ptr: int, room: int) -> Errno:
    """Write a directory's name without a NUL."""
    name = _directory_name(guest, fd)
    if name is None:
        return Errno.BADF
    if len(name) > room:
        return Errno.OVERFLOW
    guest.memory.write(out_ptr, name)
    return Errno.SUCCESS


def _directory_name(guest: Guest, fd: int) -> bytes | None:
    opened = guest.descriptors.table.get(fd)
    return opened.target.name.encode() if opened and isinstance(opened.target, Directory) else None


def fd_readdir(guest: Guest, fd: int, out_ptr: int, room: int, cookie: int, used_ptr: int) -> Errno:
    """Write `.`, `..` and the children in byte order of their names, from entry `cookie` on; the last may be cut."""
    opened = guest.descriptors.table.get(fd)
    if opened is None or not isinstance(opened.target, Directory):
        return Errno.BADF
    guest.memory.span(out_ptr, room)
    children = opened.target.children
    names = [".", "..", *sorted(children, key=str.encode)]
    out = bytearray()
    for number, name in enumerate(names[cookie:], start=cookie + 1):
        raw = name.encode()
        kind = TYPE_FILE if isinstance(children.get(name), File) else TYPE_DIRECTORY
        out += DIRENT.pack(number, 0, len(raw), kind) + raw
        if len(out) >= room:
            break
    guest.memory.write(out_ptr, bytes(out[:room]))
    guest.memory.write_u32(used_ptr, min(len(out), room))
    return Errno.SUCCESS
