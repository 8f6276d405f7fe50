"""Layouts with a payload: str, bytes, bigint (sdk.md section 2.2).

In line is the u32 size of the payload, which begins at byte 0 of the child slot. A write issues the size, then the
payload, an empty one too; bytes of an earlier, longer payload stay where they are.
"""

import typing

from genlayer.py.storage.descriptor import Descriptor

if typing.TYPE_CHECKING:
    from genlayer.py.storage.slot import Slot


class _PayloadDescriptor(Descriptor):
    size = 4

    def _read(self, slot: "Slot", off: int) -> bytes:
        size = slot.read_u32(off)
        return slot.indirect(off).read(0, size) if size else b""

    def _write(self, slot: "Slot", off: int, payload: bytes) -> None:
        slot.write_u32(off, len(payload))
        slot.indirect(off).write(0, payload)

    def copy(self, to: "Slot", to_off: int, source: "Slot", off: int, /) -> None:
        """Copy size and payload."""
        self._write(to, to_off, self._read(source, off))


class StrDescriptor(_PayloadDescriptor):
    """Text, stored as UTF-8."""

    name = "str"

    def get(self, slot: "Slot", off: int, /) -> str:
        """Read the text."""
        return self._read(slot, off).decode()

    def set(self, slot: "Slot", off: int, value: str, /) -> None:
        """Write the text."""
        self._write(slot, off, value.encode())

    def why_not(self, value: typing.Any) -> str:
        """Point to conversions."""
        return (
            f"str holds text, not {type(value).__name__} {value!r:.60}; convert it, by str() or json.dumps()"
        )


class BytesDescriptor(_PayloadDescriptor):
    """Bytes."""

    name = "bytes"

    def get(self, slot: "Slot", off: int, /) -> bytes:
        """Read the bytes."""
        return self._read(slot, off)

    def set(self, slot: "Slot", off: int, value: bytes | bytearray | memoryview, /) -> None:
        """Write any bytes-like object."""
        self._write(slot, off, value if type(value) is bytes else bytes(memoryview(value)))


class BigintDescriptor(_PayloadDescriptor):
    """An integer of any size: two's complement, always with two bytes more than its magnitude needs."""

    name = "bigint"

    def get(self, slot: "Slot", off: int, /) -> int:
        """Read the number."""
        return int.from_bytes(self._read(slot, off), "little", signed=True)

    def set(self, slot: "Slot", off: int, value: int, /) -> None:
        """Write the number."""
        size = 2 + (int.bit_length(value) + 7) // 8
        self._write(slot, off, int.to_bytes(value, size, "little", signed=True))
