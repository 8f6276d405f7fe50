"""From a type annotation to its layout (sdk.md sections 2.2, 2.3).

`describe` is a table: plain annotations have one descriptor each, generic containers a function that makes it from
their arguments. Other packages add their own types with `register` and `register_generic`.
"""

import collections.abc
import typing

from genlayer.py.storage.slot import NOWHERE, ROOT_SLOT_ID, InmemManager, Slot

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from genlayer.py.storage.descriptor import Descriptor

_C = typing.TypeVar("_C", bound=type)

MARK: typing.Final = "__gl_allow_storage__"

Maker: typing.TypeAlias = "Callable[[typing.Any, tuple[typing.Any, ...]], Descriptor]"

_KNOWN: dict[typing.Any, "Descriptor"] = {}
_GENERIC: dict[typing.Any, Maker] = {}


def allow_storage(cls: _C, /) -> _C:
    """Let a class be a storage type: its annotated fields are its layout. Put it above `@dataclass`."""
    setattr(cls, MARK, True)
    return cls


def register(annotation: typing.Any, descriptor: "Descriptor") -> None:
    """Say how an annotation without arguments is laid out."""
    descriptor.annotation = annotation
    _KNOWN[annotation] = descriptor


def forget(annotation: typing.Any) -> None:
    """Take back a `register`, of a class whose layout failed."""
    del _KNOWN[annotation]


def register_generic(origin: typing.Any, make: Maker) -> None:
    """Say who lays out `origin[...]`; `make` is given the whole annotation and its arguments."""
    _GENERIC[origin] = make


def describe(annotation: typing.Any, /) -> "Descriptor":
    """Give the layout of a type that has no free type variables.

    Raises:
        TypeError: storage has no layout for the type; the text says what to use instead.
    """
    try:
        known = _KNOWN.get(annotation)
    except TypeError:  # an annotation that cannot be hashed is no type
        known = None
    if known is not None:
        return known
    make = _GENERIC.get(typing.get_origin(annotation))
    if make is not None:
        descriptor = make(annotation, typing.get_args(annotation))
        register(annotation, descriptor)
        return descriptor
    from genlayer.py.storage.classes import describe_class
    from genlayer.py.storage.numpy_types import describe_numpy

    numeric = describe_numpy(annotation)
    if numeric is None:
        return describe_class(annotation)
    register(annotation, numeric)
    return numeric


def bind_to_memory(container: typing.Any, annotation: typing.Any) -> None:
    """Give a container made by `DynArray[T]()` or `TreeMap[K, V]()` a store of its own.

    `typing` tells a new object its annotation by setting `__orig_class__`; this is the setter of that.
    """
    if container._gl_slot == NOWHERE and not getattr(annotation, "__parameters__", ()):
        container._gl_desc = describe(annotation)
        container._gl_slot = Slot(ROOT_SLOT_ID, InmemManager())


def name_of(annotation: typing.Any) -> str:
    """Write a type as an author would."""
    args = typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if typing.get_origin(annotation) is typing.Literal:
        return f"typing.Literal{list(args)!r}"
    if args and typing.get_origin(annotation) is not None:
        head = name_of(typing.get_origin(annotation))
        return f"{head}[{', '.join('...' if arg is ... else name_of(arg) for arg in args)}]"
    if isinstance(annotation, collections.abc.Hashable) and hasattr(annotation, "__qualname__"):
        return str(annotation.__qualname__)
    return str(getattr(annotation, "__name__", annotation))
