"""wasip1: arguments, environment, clocks, random bytes, exit, and what is refused (spec/executor.md 7.2, 7.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...journal.events import ReadClock, ReadRandom
from ..guest import Guest
from ..random_stream import words_for
from ..stops import Exited
from ..transfer import check_transfer
from .errno import Errno

EXIT_STATUS_MAX: Final = 125
CLOCK_RESOLUTION_NS: Final = 1


def args_sizes_get(guest: Guest, count_ptr: int, size_ptr: int) -> Errno:
    """Tell how many arguments there are and how many bytes they take."""
    return _sizes(guest, guest.args, count_ptr, size_ptr)


def args_get(guest: Guest, table_ptr: int, text_ptr: int) -> Errno:
    """Write the arguments, NUL-terminated, and a table of pointers to them."""
    return _texts(guest, guest.args, table_ptr, text_ptr)


def environ_sizes_get(guest: Guest, count_ptr: int, size_ptr: int) -> Errno:
    """Tell how many environment variables there are and how many bytes they take."""
    return _sizes(guest, guest.environment, count_ptr, size_ptr)


def environ_get(guest: Guest, table_ptr: int, text_ptr: int) -> Errno:
    """Write `NAME=VALUE` texts, NUL-terminated, and a table of pointers to them."""
    return _texts(guest, guest.environment, table_ptr, text_ptr)


def _sizes(guest: Guest, texts: Sequence[str], count_ptr: int, size_ptr: int) -> Errno:
    guest.memory.write_u32(count_ptr, len(texts))
    guest.memory.write_u32(size_ptr, sum(len(text.encode()) + 1 for text in texts))
    return Errno.SUCCESS


def _texts(guest: Guest, texts: Sequence[str], table_ptr: int, text_ptr: int) -> Errno:
    for number, text in enumerate(texts):
        raw = text.encode() + b"\0"
        guest.memory.write_u32(table_ptr + 4 * number, text_ptr)
        guest.memory.write(text_ptr, raw)
        text_ptr += len(raw)
    return Errno.SUCCESS


def clock_res_get(guest: Guest, _clock_id: int, out_ptr: int) -> Errno:
    """Every clock counts single nanoseconds."""
    guest.memory.write_u64(out_ptr, CLOCK_RESOLUTION_NS)
    return Errno.SUCCESS


def clock_time_get(guest: Guest, clock_id: int, _precision_ns: int, out_ptr: int) -> Errno:
    """Write the transaction's time, u64 nanoseconds since the Unix epoch, whatever the clock id."""
    guest.memory.span(out_ptr, 8)
    now_ns = guest.effects.perform(ReadClock(clock_id)).value
    assert isinstance(now_ns, int)
    guest.memory.write_u64(out_ptr, now_ns)
    return Errno.SUCCESS


def random_get(guest: Guest, out_ptr: int, length: int) -> Errno:
    """Write `length` bytes of the VM's random stream."""
    check_transfer(length)
    guest.memory.span(out_ptr, length)
    drawn = guest.effects.perform(ReadRandom(guest.random_position, length)).value
    assert isinstance(drawn, bytes)
    guest.random_position += words_for(length)
    guest.memory.write(out_ptr, drawn)
    return Errno.SUCCESS


def proc_exit(_guest: Guest, status: int) -> None:
    """End the VM; a status of 126 or more counts as 125."""
    raise Exited(min(status, EXIT_STATUS_MAX))


def unsupported(_guest: Guest, *_args: int) -> Errno:
    """proc_raise, sched_yield, poll_oneoff, fd_renumber: there is one thread and nothing to wait for."""
    return Errno.NOTSUP


def no_sockets(_guest: Guest, *_args: int) -> Errno:
    """sock_*: the only way out of a VM is genlayer_sdk."""
    return Errno.ACCES


def read_only(_guest: Guest, *_args: int) -> Errno:
    """Every function that would change a file tree; the descriptor is not looked at."""
    return Errno.ROFS


def ignored(_guest: Guest, *_args: int) -> Errno:
    """fd_advise, fd_sync, fd_datasync: nothing to do, for unknown descriptors too."""
    return Errno.SUCCESS
