"""What the layout knows about a type: its size, how to get and set it, how to copy it (sdk.md sections 2.2, 2.4).

A value is at byte `off` of a slot, `size` bytes in line; what varies in size is in the child slot `indirect(off)`.
"""

import abc
import functools
import typing

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

    from genlayer.py.storage.slot import Slot

# A step of a copy: that many bytes as they are, or a descriptor whose own `copy` follows the child slot.
Action: typing.TypeAlias = "int | Descriptor"


class Descriptor(abc.ABC):
    """The layout of one type."""

    size: int  # bytes in line, in the owning slot
    name: str  # how the author wrote the type
    annotation: typing.Any  # the type itself, for those that `describe` knows

    @abc.abstractmethod
    def get(self, slot: "Slot", off: int, /) -> typing.Any:
        """Read the value; of a container or record, give a live view."""

    @abc.abstractmethod
    def set(self, slot: "Slot", off: int, value: typing.Any, /) -> None:
        """Write a value, copying it if it is a view."""

    @abc.abstractmethod
    def copy(self, to: "Slot", to_off: int, source: "Slot", off: int, /) -> None:
        """Copy a stored value without making a Python object of it."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """The steps that copy a value of this type; neighbours of fixed size are one step."""
        return (self,)

    @property
    def is_plain(self) -> bool:
        """Whether the bytes in line are the whole value."""
        return all(isinstance(action, int) for action in self.actions)

    def detach(self, slot: "Slot", off: int) -> typing.Any:
        """Give the value in a form that later writes to the slot do not change."""
        return self.get(slot, off)

    def why_not(self, value: typing.Any) -> str:
        """Tell the author what this type accepts, after a value was refused."""
        return f"{self.name} cannot hold {type(value).__name__} {value!r:.60}"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        from genlayer.py.storage.annotations import describe

        return describe, (self.annotation,)

    def __deepcopy__(self, _memo: object) -> "Descriptor":
        return self

    def __repr__(self) -> str:
        return f"<layout of {self.name}, {self.size} bytes>"


class PlainDescriptor(Descriptor):
    """A type of fixed size with nothing outside its bytes in line."""

    @functools.cached_property
    def actions(self) -> tuple[Action, ...]:
        """One run of bytes, none for a type of size 0."""
        return (self.size,) if self.size else ()

    def copy(self, to: "Slot", to_off: int, source: "Slot", off: int, /) -> None:
        """Copy the bytes in line."""
        to.write(to_off, source.read(off, self.size))


def merge_actions(parts: "Iterable[tuple[Action, ...]]") -> tuple[Action, ...]:
    """Join the steps of values that lie next to each other."""
    merged: list[Action] = []
    for part in parts:
        for action in part:
            if isinstance(action, int) and merged and isinstance(merged[-1], int):
                merged[-1] += action
            else:
                merged.append(action)
    return tuple(merged)


def run_actions(actions: tuple[Action, ...], to: "Slot", to_off: int, source: "Slot", off: int) -> None:
    """Copy a value by its steps: one read and one write for a run of bytes."""
    for action in actions:
        if isinstance(action, int):
            to.write(to_off, source.read(off, action))
            size = action
        else:
            action.copy(to, to_off, source, off)
            size = action.size
        to_off += size
        off += size


def add_refusal_note(error: Exception, place: str, descriptor: Descriptor, value: typing.Any) -> None:
    """Attach to an error of `descriptor.set` where it happened and what is accepted there."""
    if isinstance(error, SystemError):  # the host refused: it is not the value
        error.add_note(f"while writing {place}")
    else:
        error.add_note(f"while writing {place}: {descriptor.why_not(value)}")
