"""Layouts of fixed size: numbers, bool, Address, None, datetime (sdk.md section 2.2)."""

import datetime
import struct
import typing

from genlayer.py.storage.descriptor import PlainDescriptor
from genlayer.py.types import Address

if typing.TYPE_CHECKING:
    from genlayer.py.storage.slot import Slot

_F64: typing.Final = struct.Struct("<d")
_EPOCH: typing.Final = datetime.datetime(1970, 1, 1)
_EPOCH_UTC: typing.Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class IntDescriptor(PlainDescriptor):
    """An integer of a fixed number of bytes, two's complement when signed."""

    def __init__(self, size: int, *, signed: bool) -> None:
        self.size = size
        self.signed = signed
        self.name = f"{'i' if signed else 'u'}{size * 8}"

    def get(self, slot: "Slot", off: int, /) -> int:
        """Read the number."""
        return int.from_bytes(slot.read(off, self.size), "little", signed=self.signed)

    def set(self, slot: "Slot", off: int, value: int, /) -> None:
        """Write the number; OverflowError when it does not fit."""
        slot.write(off, int.to_bytes(value, self.size, "little", signed=self.signed))

    def why_not(self, value: typing.Any) -> str:
        """Tell the range."""
        low, high = (f"-2**{self.size * 8 - 1}", self.size * 8 - 1) if self.signed else ("0", self.size * 8)
        return f"{self.name} holds int from {low} to 2**{high} - 1, not {type(value).__name__} {value!r:.60}"


class U32Descriptor(IntDescriptor):
    """The integer that the layout itself uses everywhere, by the shortest way."""

    def __init__(self) -> None:
        super().__init__(4, signed=False)

    def get(self, slot: "Slot", off: int, /) -> int:
        """Read the number."""
        return slot.manager.do_read_u32(slot.id, off)


class BoolDescriptor(PlainDescriptor):
    """One byte; anything but zero is True."""

    size = 1
    name = "bool"

    def get(self, slot: "Slot", off: int, /) -> bool:
        """Read the flag."""
        return slot.read(off, 1) != b"\0"

    def set(self, slot: "Slot", off: int, value: object, /) -> None:
        """Write the truth of a value."""
        slot.write(off, b"\1" if value else b"\0")


class NoneDescriptor(PlainDescriptor):
    """No bytes: reads give None, writes are accepted and do nothing."""

    size = 0
    name = "None"

    def get(self, _slot: "Slot", _off: int, /) -> None:
        """Give None."""

    def set(self, _slot: "Slot", _off: int, _value: object, /) -> None:
        """Do nothing."""

    def copy(self, _to: "Slot", _to_off: int, _source: "Slot", _off: int, /) -> None:
        """Do nothing."""


class FloatDescriptor(PlainDescriptor):
    """An IEEE 754 double."""

    size = 8
    name = "float"

    def get(self, slot: "Slot", off: int, /) -> float:
        """Read the number."""
        value: float = _F64.unpack(slot.read(off, 8))[0]
        return value

    def set(self, slot: "Slot", off: int, value: float, /) -> None:
        """Write the number."""
        slot.write(off, _F64.pack(value))


class AddressDescriptor(PlainDescriptor):
    """The 20 bytes of an address."""

    size = Address.SIZE
    name = "Address"

    def get(self, slot: "Slot", off: int, /) -> Address:
        """Read the address."""
        return Address(slot.read(off, Address.SIZE))

    def set(self, slot: "Slot", off: int, value: Address, /) -> None:
        """Write the address."""
        slot.write(off, value.as_bytes)

    def why_not(self, value: typing.Any) -> str:
        """Point to the constructor."""
        return f"Address holds an Address, not {type(value).__name__} {value!r:.60}; wrap it: Address(...)"


class DatetimeDescriptor(PlainDescriptor):
    """Seconds (u64), micros (u32), has a zone (bool), and its offset as days, seconds, micros (i32 each).

    A datetime without a zone is local time, which is UTC in a VM; it leaves the offset as it was.
    """

    size = 25
    name = "datetime.datetime"
    _layout: typing.Final = struct.Struct("<QI?iii")

    def get(self, slot: "Slot", off: int, /) -> datetime.datetime:
        """Read the point in time."""
        seconds, micros, has_zone, *offset = self._layout.unpack(slot.read(off, self.size))
        passed = datetime.timedelta(seconds=seconds, microseconds=micros)
        if not has_zone:
            return _EPOCH + passed
        return (_EPOCH_UTC + passed).astimezone(datetime.timezone(datetime.timedelta(*offset)))

    def set(self, slot: "Slot", off: int, value: datetime.datetime, /) -> None:
        """Write the point in time, field by field."""
        slot.write(off, int(value.timestamp()).to_bytes(8, "little"))
        slot.write_u32(off + 8, value.microsecond)
        offset = value.utcoffset()
        slot.write(off + 12, b"\0" if offset is None else b"\1")
        if offset is not None:
            for place, part in ((13, offset.days), (17, offset.seconds), (21, offset.microseconds)):
                slot.write(off + place, part.to_bytes(4, "little", signed=True))

    def why_not(self, value: typing.Any) -> str:
        """Tell the range."""
        return f"datetime holds a datetime.datetime from 1970 on, not {type(value).__name__} {value!r:.60}"
