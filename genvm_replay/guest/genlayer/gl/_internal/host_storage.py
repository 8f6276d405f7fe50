"""The store that the host keeps: the storage of this contract (sdk.md section 2.8)."""

import sys
import typing
import warnings

import _genlayer_wasi as wasi

from genlayer.py.storage import Manager, Root

_LIBRARIES: typing.Final = frozenset({"genlayer", "cloudpickle", "pickle", "_genlayer_runner"})
_warned: typing.Final[dict[typing.Any, typing.Any]] = {}


class HostManager(Manager):
    """Passes every access to the host: nothing is cached, nothing is put off."""

    __slots__ = ()

    do_read = staticmethod(wasi._load)
    do_write = staticmethod(wasi._store)
    do_read_u32 = staticmethod(wasi._load_u32)
    do_write_u32 = staticmethod(wasi._store_u32)

    def __reduce__(self) -> str:
        _warn()
        return "STORAGE_MAN"

    def __deepcopy__(self, _memo: object) -> "HostManager":
        return self


def _warn() -> None:
    """Warn on the author's line, once for each: a library's line is where pickling happens."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES:
        frame = frame.f_back
    warnings.warn_explicit(
        "this captures `self` or another part of storage, which can't be read in a nondeterministic block or a "
        "sandbox: read it before, into local variables; gl.storage.copy_to_memory copies records and maps",
        UserWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        registry=_warned,
    )


STORAGE_MAN = HostManager()
Root.MANAGER = STORAGE_MAN
