"""The store that the host keeps: the storage of this contract (sdk.md section 2.8)."""

import warnings

import _genlayer_wasi as wasi

from genlayer.py.storage import Manager, Root


class HostManager(Manager):
    """Passes every access to the host: nothing is cached, nothing is put off."""

    __slots__ = ()

    do_read = staticmethod(wasi._load)
    do_write = staticmethod(wasi._store)
    do_read_u32 = staticmethod(wasi._load_u32)
    do_write_u32 = staticmethod(wasi._store_u32)

    def __reduce__(self) -> str:
        warnings.warn(
            "storage travels to another VM: it reads what is stored by then; use gl.storage.copy_to_memory",
            stacklevel=2,
        )
        return "STORAGE_MAN"

    def __deepcopy__(self, _memo: object) -> "HostManager":
        return self


STORAGE_MAN = HostManager()
Root.MANAGER = STORAGE_MAN
