"""The layout of user classes, and the errors about types that have none (sdk.md sections 2.2, 2.3)."""

import inspect
import re
import types
import typing

from genlayer.py.storage.annotations import MARK, describe, forget, name_of, register
from genlayer.py.storage.record import RecordDescriptor, install_properties, wrap_constructor
from genlayer.py.storage.tree_map import TreeMap
from genlayer.py.storage.vec import Array, DynArray

_REACHED: typing.Final = "__gl_has_layout__"

_INSTEAD: typing.Final[dict[typing.Any, str]] = {
    int: "an int has no fixed size: use u256 or another sized integer, or bigint for any size",
    list: "use DynArray[...]",
    dict: "use TreeMap[..., ...]",
    tuple: "use a class with @allow_storage, or Array[..., typing.Literal[n]] if all items have one type",
    set: "use TreeMap[..., bool]",
    frozenset: "use TreeMap[..., bool]",
    bytearray: "use bytes",
    typing.Any: "name one type; text such as JSON fits into str",
    object: "name one type; text such as JSON fits into str",
    complex: "use two float fields",
    DynArray: "name its item type, DynArray[str] for instance",
    Array: "name its item type and length, Array[str, typing.Literal[3]] for instance",
    TreeMap: "name its key and value types, TreeMap[str, u256] for instance",
    typing.Union: "a field has one type: keep a zero value or a bool field for `no value`",
    types.UnionType: "a field has one type: keep a zero value or a bool field for `no value`",
    typing.Literal: "name the type of the values, str or u8 for instance",
}


def describe_class(annotation: typing.Any) -> RecordDescriptor:
    """Lay out a class with the mark of `allow_storage`, generic or not; refuse anything else."""
    cls = typing.get_origin(annotation) or annotation
    args = typing.get_args(annotation)
    if not isinstance(cls, type) or MARK not in dir(cls):
        raise TypeError(f"storage has no layout for {name_of(annotation)}: {_instead(cls)}")
    parameters = getattr(cls, "__parameters__", ())
    if len(args) != len(parameters):
        wanted = ", ".join(map(str, parameters))
        raise TypeError(
            f"{cls.__qualname__} takes {len(parameters)} type arguments: {cls.__qualname__}[{wanted}]"
        )
    descriptor = RecordDescriptor(cls, name_of(annotation))
    register(annotation, descriptor)  # at once: a field may be an array of its own class
    try:
        hints = _hints(cls)
        environment = _inherited_arguments(cls)
        environment.update(zip((p.__name__ for p in parameters), args, strict=True))
        descriptor.lay_out({name: _field(cls, name, hint, environment) for name, hint in hints.items()})
    except Exception:
        forget(annotation)
        raise
    if _REACHED not in cls.__dict__:
        setattr(cls, _REACHED, True)
        install_properties(cls, descriptor, generic=bool(parameters))
        direct = next((name for name, hint in hints.items() if isinstance(hint, typing.TypeVar)), None)
        wrap_constructor(cls, descriptor, type_parameter_field=direct)
    return descriptor


def describe_contract(cls: type) -> RecordDescriptor:
    """Lay out a contract class, whose instances no one constructs."""
    descriptor = RecordDescriptor(cls, cls.__qualname__)
    environment = _inherited_arguments(cls)
    hints = _hints(cls)
    descriptor.lay_out({name: _field(cls, name, hint, environment) for name, hint in hints.items()})
    install_properties(cls, descriptor, generic=False)
    register(cls, descriptor)
    return descriptor


def _hints(cls: type) -> dict[str, typing.Any]:
    if cls.__dictoffset__ == 0:
        raise TypeError(
            f"{cls.__qualname__} has __slots__: storage classes need their __dict__, drop slots=True"
        )
    try:
        hints = typing.get_type_hints(cls)
    except Exception as error:
        error.add_note(f"while reading the annotations of `{cls.__qualname__}`")
        raise
    is_class_variable = typing.ClassVar
    return {
        name: hint
        for name, hint in hints.items()
        if hint is not is_class_variable and typing.get_origin(hint) is not is_class_variable
    }


def _field(cls: type, name: str, hint: typing.Any, environment: dict[str, typing.Any]) -> typing.Any:
    try:
        descriptor = describe(_close(hint, environment))
        if descriptor.size < 0:
            raise TypeError(f"{descriptor.name} contains itself; hold it in a DynArray or an Indirection")
    except Exception as error:
        error.add_note(f"in the field `{cls.__qualname__}.{name}: {name_of(hint)}`{_place(cls, name)}")
        raise
    return descriptor


def _close(hint: typing.Any, environment: dict[str, typing.Any]) -> typing.Any:
    """Replace type variables, which are told apart by their names."""
    if isinstance(hint, typing.TypeVar):
        if hint.__name__ not in environment:
            raise TypeError(f"the type variable {hint.__name__} has no value here")
        return environment[hint.__name__]
    parameters = getattr(hint, "__parameters__", ())
    if typing.get_origin(hint) is None or not parameters:
        return hint
    return hint[tuple(_close(parameter, environment) for parameter in parameters)]


def _inherited_arguments(cls: type) -> dict[str, typing.Any]:
    """Collect the type arguments that the bases of a class were given."""
    environment: dict[str, typing.Any] = {}
    for base in getattr(cls, "__orig_bases__", ()):
        origin = typing.get_origin(base)
        if isinstance(origin, type):
            environment.update(_inherited_arguments(origin))
            names = (parameter.__name__ for parameter in getattr(origin, "__parameters__", ()))
            environment.update(zip(names, typing.get_args(base), strict=False))
    return environment


def _place(cls: type, name: str) -> str:
    """Find the source line of a field, if there is a source."""
    owner = next((base for base in cls.__mro__ if name in inspect.get_annotations(base)), cls)
    try:
        lines, first = inspect.getsourcelines(owner)
        path = inspect.getsourcefile(owner)
    except (OSError, TypeError):
        return ""
    for number, line in enumerate(lines, first):
        if re.match(rf"\s*{re.escape(name)}\s*:", line):
            return f" ({path}:{number})"
    return ""


def _instead(cls: typing.Any) -> str:
    hint = _INSTEAD.get(cls)
    if hint is not None:
        return hint
    if isinstance(cls, typing.NewType):
        return "only the sized integers and bigint are known NewTypes: use the type below it"
    if isinstance(cls, type):
        return f"decorate `class {cls.__qualname__}` with @allow_storage if it is yours, else store its parts"
    return "it is not a type that storage knows"
