"""wasip1: functions that name a file by its path (spec/executor.md 7.2)."""

from __future__ import annotations

from ...errors import EnvironmentProblem
from ..guest import Guest
from .descriptor_calls import filestat
from .descriptors import Stream
from .errno import Errno
from .files import AbsentFile, Node, resolve


def path_open(
    guest: Guest,
    dir_fd: int,
    _lookup: int,
    path_ptr: int,
    path_size: int,
    *rest: int,
) -> Errno:
    """Open a file or directory for reading; flags and rights are not looked at.

    The number is taken before the path is resolved and kept when that fails, as the deployed executor does.

    Raises:
        EnvironmentProblem: the file belongs here and is not on this machine.
    """
    out_ptr = rest[-1]
    number = guest.descriptors.reserve()
    node = _find(guest, dir_fd, path_ptr, path_size)
    if isinstance(node, Errno):
        return node
    if isinstance(node, AbsentFile):
        raise EnvironmentProblem(node.reason)
    guest.descriptors.place(number, node)
    guest.memory.write_u32(out_ptr, number)
    return Errno.SUCCESS


def path_filestat_get(
    guest: Guest, dir_fd: int, _lookup: int, path_ptr: int, path_size: int, out_ptr: int
) -> Errno:
    """Write the record of a file or directory; its link count is 0 here."""
    node = _find(guest, dir_fd, path_ptr, path_size)
    if isinstance(node, Errno):
        return node
    guest.memory.write(out_ptr, filestat(node, links=0))
    return Errno.SUCCESS


def path_readlink(_guest: Guest, *_args: int) -> Errno:
    """There are no links."""
    return Errno.BADF


def _find(guest: Guest, dir_fd: int, path_ptr: int, path_size: int) -> Node | Errno:
    raw = guest.memory.read(path_ptr, path_size)
    opened = guest.descriptors.table.get(dir_fd)
    if opened is None or isinstance(opened.target, Stream):
        return Errno.BADF
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        return Errno.ILSEQ
    return resolve(opened.target, path)
