"""Slots and who keeps their bytes (sdk.md sections 2.1, 2.7).

A slot is an unbounded vector of bytes, zero at first, named by a 32-byte id. A `Manager` holds the slots of one
store. The host-backed one is in `genlayer.gl`; here are those that need no host.
"""

import abc
import typing
from hashlib import sha3_256

if typing.TYPE_CHECKING:
    from typing_extensions import Buffer

SLOT_ID_SIZE: typing.Final = 32
ROOT_SLOT_ID: typing.Final = bytes(SLOT_ID_SIZE)


class Manager(abc.ABC):
    """One store of slots. Offsets and sizes are u32; what was never written reads as zero."""

    __slots__ = ()

    @abc.abstractmethod
    def do_read(self, slot_id: bytes, off: int, size: int, /) -> bytes:
        """Give `size` bytes of a slot from byte `off`."""

    @abc.abstractmethod
    def do_write(self, slot_id: bytes, off: int, data: bytes, /) -> None:
        """Write all of `data` from byte `off` of a slot."""

    def do_read_u32(self, slot_id: bytes, off: int, /) -> int:
        """Give the little-endian u32 at byte `off`."""
        return int.from_bytes(self.do_read(slot_id, off, 4), "little")

    def do_write_u32(self, slot_id: bytes, off: int, value: int, /) -> None:
        """Write a little-endian u32 at byte `off`."""
        self.do_write(slot_id, off, value.to_bytes(4, "little"))

    def get_store_slot(self, slot_id: bytes, /) -> "Slot":
        """Give the slot with this id."""
        return Slot(slot_id, self)


class Slot:
    """A slot of a store. Equal slots have the same id in the same manager."""

    __slots__ = ("id", "manager")

    def __init__(self, slot_id: bytes, manager: Manager, /) -> None:
        self.id = slot_id
        self.manager = manager

    def indirect(self, off: int, /) -> "Slot":
        """Give the child slot of the value at byte `off`, where its variable-size part lives."""
        return Slot(sha3_256(self.id + off.to_bytes(4, "little")).digest(), self.manager)

    def read(self, off: int, size: int, /) -> bytes:
        """Give `size` bytes from byte `off`."""
        return self.manager.do_read(self.id, off, size)

    def write(self, off: int, data: "Buffer", /) -> None:
        """Write all of `data` from byte `off`."""
        self.manager.do_write(self.id, off, data if type(data) is bytes else bytes(data))

    def read_u32(self, off: int, /) -> int:
        """Give the little-endian u32 at byte `off`."""
        return self.manager.do_read_u32(self.id, off)

    def write_u32(self, off: int, value: int, /) -> None:
        """Write a little-endian u32 at byte `off`."""
        self.manager.do_write_u32(self.id, off, value)

    def as_int(self) -> int:
        """Give the id as a little-endian u256, the form in which `Root.locked_slots` lists it."""
        return int.from_bytes(self.id, "little")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Slot):
            return NotImplemented
        return self.manager is other.manager and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Slot({self.id.hex()})"


class InmemManager(Manager):
    """A store in memory: of a record that was built outside storage, or copied out of it."""

    __slots__ = ("slots",)

    def __init__(self) -> None:
        self.slots: dict[bytes, bytearray] = {}

    def do_read(self, slot_id: bytes, off: int, size: int, /) -> bytes:
        """Give `size` bytes of a slot from byte `off`."""
        data = self.slots.get(slot_id, b"")[off : off + size]
        return bytes(data) if len(data) == size else bytes(data).ljust(size, b"\0")

    def do_write(self, slot_id: bytes, off: int, data: bytes, /) -> None:
        """Write all of `data` from byte `off` of a slot."""
        stored = self.slots.setdefault(slot_id, bytearray())
        if off > len(stored):
            stored += bytes(off - len(stored))
        stored[off : off + len(data)] = data


class _NowhereManager(Manager):
    """The store of a container that was made without its type: empty, and it stays so."""

    __slots__ = ()

    def do_read(self, _slot_id: bytes, _off: int, size: int, /) -> bytes:
        return bytes(size)

    def do_write(self, _slot_id: bytes, _off: int, _data: bytes, /) -> None:
        raise TypeError(
            "an empty container made by `DynArray()` or `TreeMap()` does not know its item type, so it can only be "
            "assigned; fill the storage field itself, or name the type: `TreeMap[str, u256]()`"
        )

    def __reduce__(self) -> str:
        return "_NOWHERE"


_NOWHERE: typing.Final = _NowhereManager()
NOWHERE: typing.Final = Slot(ROOT_SLOT_ID, _NOWHERE)
