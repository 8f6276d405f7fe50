"""Records: classes whose annotated fields live in storage (sdk.md section 2.3).

Every field becomes a property that reads and writes through the slot of its instance. An instance is a view: it has
a slot (`_gl_slot`), an offset (`_gl_off`) and its layout (`_gl_desc`), and no other state that storage keeps.
"""

import functools
import typing

from genlayer.py.storage.descriptor import (
    Action,
    Descriptor,
    add_refusal_note,
    merge_actions,
    run_actions,
)
from genlayer.py.storage.slot import ROOT_SLOT_ID, InmemManager, Slot

if typing.TYPE_CHECKING:
    from collections.abc import Callable

Fields: typing.TypeAlias = dict[str, tuple[Descriptor, int]]


class RecordDescriptor(Descriptor):
    """The layout of a class, for one choice of its type arguments."""

    def __init__(self, cls: type, name: str) -> None:
        self.cls = cls
        self.name = name
        self.size = -1  # not known yet: the fields are being laid out
        self.fields: Fields = {}

    def lay_out(self, fields: dict[str, Descriptor]) -> None:
        """Place the fields one behind the other."""
        off = 0
        for name, descriptor in fields.items():
            self.fields[name] = (descriptor, off)
            off += descriptor.size
        self.size = off

    @functools.cached_property
    def actions(self) -> tuple[Action, ...]:
        """The steps of all fields."""
        return merge_actions(descriptor.actions for descriptor, _ in self.fields.values())

    def get(self, slot: Slot, off: int, /) -> typing.Any:
        """Give a view. Runs no constructor."""
        view: typing.Any = object.__new__(self.cls)
        state = view.__dict__
        state["_gl_slot"] = slot
        state["_gl_off"] = off
        state["_gl_desc"] = self
        return view

    def set(self, slot: Slot, off: int, value: typing.Any, /) -> None:
        """Copy another record of the same layout."""
        given = getattr(value, "_gl_desc", None)
        assert given is self or given == self, self.why_not(value)
        run_actions(self.actions, slot, off, value._gl_slot, value._gl_off)

    def copy(self, to: Slot, to_off: int, source: Slot, off: int, /) -> None:
        """Copy field after field."""
        run_actions(self.actions, to, to_off, source, off)

    def detach(self, slot: Slot, off: int) -> typing.Any:
        """Give a copy in memory."""
        memory = Slot(ROOT_SLOT_ID, InmemManager())
        self.copy(memory, 0, slot, off)
        return self.get(memory, 0)

    def allocate(self) -> typing.Any:
        """Give a zero instance in memory. Runs no constructor."""
        return self.get(Slot(ROOT_SLOT_ID, InmemManager()), 0)

    def why_not(self, value: typing.Any) -> str:
        """Name both types."""
        given = getattr(value, "_gl_desc", None)
        if isinstance(given, Descriptor):
            return f"{self.name} has another layout than {given.name}"
        if isinstance(value, self.cls):
            return f"this {self.name} was made before the contract class: make it inside a method"
        return f"{self.name} holds an instance of itself, not {type(value).__name__} {value!r:.60}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordDescriptor):
            return NotImplemented
        return self is other or (self.size == other.size and self.fields == other.fields)

    __hash__ = object.__hash__


def install_properties(cls: type, descriptor: RecordDescriptor, *, generic: bool) -> None:
    """Turn the fields of a class into properties. Of a generic class, each instance knows the layout."""
    for name, (field, off) in descriptor.fields.items():
        setattr(cls, name, _generic_property(name) if generic else _property(name, field, off))


def _property(name: str, field: Descriptor, place: int) -> property:
    read = field.get
    write = field.set

    def get(self: typing.Any) -> typing.Any:
        return read(self._gl_slot, self._gl_off + place)

    def set(self: typing.Any, value: typing.Any) -> None:
        try:
            write(self._gl_slot, self._gl_off + place, value)
        except Exception as error:
            add_refusal_note(error, f"`{type(self).__qualname__}.{name}`", field, value)
            raise

    return property(get, set)


def _generic_property(name: str) -> property:
    def get(self: typing.Any) -> typing.Any:
        field, place = self._gl_desc.fields[name]
        return field.get(self._gl_slot, self._gl_off + place)

    def set(self: typing.Any, value: typing.Any) -> None:
        field, place = self._gl_desc.fields[name]
        try:
            field.set(self._gl_slot, self._gl_off + place, value)
        except Exception as error:
            add_refusal_note(error, f"`{self._gl_desc.name}.{name}`", field, value)
            raise

    return property(get, set)


def wrap_constructor(cls: type, descriptor: RecordDescriptor, *, type_parameter_field: str | None) -> None:
    """Give instances that the author constructs a store in memory, before the class's own constructor runs."""
    construct: Callable[..., None] = cls.__init__  # type: ignore[misc]

    @functools.wraps(construct)
    def construct_in_memory(self: typing.Any, *args: typing.Any, **kwargs: typing.Any) -> None:
        if "_gl_slot" not in self.__dict__:
            if type_parameter_field is not None:
                raise TypeError(
                    f"`{cls.__qualname__}()` does not say what its field `{type_parameter_field}` is; use "
                    f"`gl.storage.inmem_allocate({cls.__qualname__}[...], ...)`"
                )
            state = self.__dict__
            state["_gl_slot"] = Slot(ROOT_SLOT_ID, InmemManager())
            state["_gl_off"] = 0
            state["_gl_desc"] = descriptor
        construct(self, *args, **kwargs)

    cls.__init__ = construct_in_memory  # type: ignore[misc]
