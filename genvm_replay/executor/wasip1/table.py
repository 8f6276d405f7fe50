"""All functions of `wasi_snapshot_preview1`, a line each: name -> function, parameters.

Functions that pass the door under a kind of their own (clocks, random bytes, stream output) stand in OWN_EVENTS; every
other call is told to the door as a `WasiCall` once its errno is known, so that a re-execution is compared call by call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...journal.events import WasiCall
from ..guest import Guest
from ..host_functions import HostFunction
from . import descriptor_calls as fd
from . import path_calls as path
from . import process

OWN_EVENTS: Final = frozenset({"clock_time_get", "random_get", "fd_write", "proc_exit"})

_CALLS: Final[dict[str, tuple[Callable[..., int | None], str]]] = {
    "args_get": (process.args_get, "pp"),
    "args_sizes_get": (process.args_sizes_get, "pp"),
    "environ_get": (process.environ_get, "pp"),
    "environ_sizes_get": (process.environ_sizes_get, "pp"),
    "clock_res_get": (process.clock_res_get, "ip"),
    "clock_time_get": (process.clock_time_get, "iIp"),
    "random_get": (process.random_get, "pi"),
    "proc_exit": (process.proc_exit, "i"),
    "proc_raise": (process.unsupported, "i"),
    "sched_yield": (process.unsupported, ""),
    "poll_oneoff": (process.unsupported, "ppip"),
    "sock_accept": (process.no_sockets, "iip"),
    "sock_recv": (process.no_sockets, "ipiipp"),
    "sock_send": (process.no_sockets, "ipiip"),
    "sock_shutdown": (process.no_sockets, "ii"),
    "fd_advise": (process.ignored, "iIIi"),
    "fd_allocate": (process.read_only, "iII"),
    "fd_close": (fd.fd_close, "i"),
    "fd_datasync": (process.ignored, "i"),
    "fd_fdstat_get": (fd.fd_fdstat_get, "ip"),
    "fd_fdstat_set_flags": (process.read_only, "ii"),
    "fd_fdstat_set_rights": (process.read_only, "iII"),
    "fd_filestat_get": (fd.fd_filestat_get, "ip"),
    "fd_filestat_set_size": (fd.fd_filestat_set, "iI"),
    "fd_filestat_set_times": (fd.fd_filestat_set, "iIIi"),
    "fd_pread": (fd.fd_pread, "ipiIp"),
    "fd_prestat_get": (fd.fd_prestat_get, "ip"),
    "fd_prestat_dir_name": (fd.fd_prestat_dir_name, "ipi"),
    "fd_pwrite": (fd.fd_pwrite, "ipiIp"),
    "fd_read": (fd.fd_read, "ipip"),
    "fd_readdir": (fd.fd_readdir, "ipiIp"),
    "fd_renumber": (process.unsupported, "ii"),
    "fd_seek": (fd.fd_seek, "iIip"),
    "fd_sync": (process.ignored, "i"),
    "fd_tell": (fd.fd_tell, "ip"),
    "fd_write": (fd.fd_write, "ipip"),
    "path_create_directory": (process.read_only, "ipi"),
    "path_filestat_get": (path.path_filestat_get, "iipip"),
    "path_filestat_set_times": (process.read_only, "iipiIIi"),
    "path_link": (process.read_only, "iipiipi"),
    "path_open": (path.path_open, "iipiiIIip"),
    "path_readlink": (path.path_readlink, "ipipip"),
    "path_remove_directory": (process.read_only, "ipi"),
    "path_rename": (process.read_only, "ipiipi"),
    "path_symlink": (process.read_only, "piipi"),
    "path_unlink_file": (process.read_only, "ipi"),
}


def _told(name: str, call: Callable[..., int | None], params: str) -> Callable[..., int | None]:
    plain = tuple(number for number, letter in enumerate(params) if letter != "p")

    def tell(guest: Guest, *args: int) -> int | None:
        errno = call(guest, *args)
        guest.effects.perform(WasiCall(name, tuple(args[number] for number in plain), int(errno or 0)))
        return errno

    return tell


WASI_CALLS: Final = {
    name: HostFunction(
        call if name in OWN_EVENTS else _told(name, call, params), params, result=name != "proc_exit"
    )
    for name, (call, params) in _CALLS.items()
}
