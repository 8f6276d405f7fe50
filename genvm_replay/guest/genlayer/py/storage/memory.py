"""Storage values in memory (sdk.md section 1.11): to build one, or to carry one into a nondeterministic block."""

import typing

from genlayer.py.storage.annotations import allow_storage, describe
from genlayer.py.storage.record import RecordDescriptor
from genlayer.py.storage.slot import ROOT_SLOT_ID, InmemManager, Slot
from genlayer.py.storage.tree_map_layout import TreeMapDescriptor

_T = typing.TypeVar("_T")
_C = typing.TypeVar("_C", bound=type)


def inmem_allocate(t: type[_T], /, *args: typing.Any, **kwargs: typing.Any) -> _T:
    """Build a storage value outside storage.

    Args:
        t: a class with `@allow_storage`, a generic one with its arguments, or `TreeMap[K, V]`, `DynArray[T]`.
        args: for the constructor of the class.
        kwargs: for the constructor of the class.
    """
    descriptor = describe(t)
    value: typing.Any = descriptor.get(Slot(ROOT_SLOT_ID, InmemManager()), 0)
    if isinstance(descriptor, RecordDescriptor):
        descriptor.cls.__init__(value, *args, **kwargs)  # type: ignore[misc]
    elif args or kwargs:
        raise TypeError(f"{descriptor.name} is allocated empty, without arguments")
    return typing.cast("_T", value)


def copy_to_memory(val: _T, /) -> _T:
    """Copy a record or a TreeMap out of storage: later writes to either do not show in the other."""
    descriptor = getattr(val, "_gl_desc", None)
    assert isinstance(descriptor, RecordDescriptor | TreeMapDescriptor), (
        f"copy_to_memory takes a storage class instance or a TreeMap, not {type(val).__name__}; "
        "use list(...) for arrays, other values need no copy"
    )
    source: typing.Any = val
    return typing.cast("_T", descriptor.detach(source._gl_slot, source._gl_off))


def generate_storage(cls: _C, /) -> _C:
    """Mark a class as `allow_storage` does, and lay it out at once."""
    describe(allow_storage(cls))
    return cls
