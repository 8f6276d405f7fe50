"""Tuples and arrays of the Ethereum ABI: heads first, then the tails of what is dynamic (sdk.md section 7.1)."""

import collections.abc
import typing

from genlayer.py.evm.abi_types import WORD, AbiType, length_at


class TupleType(AbiType):
    """`(T1,T2,...)`; also the list of the arguments of a method."""

    def __init__(self, items: "collections.abc.Sequence[AbiType]") -> None:
        self.items = tuple(items)
        self.name = f"({','.join(item.name for item in self.items)})"
        self.head_size = static_size(self.items)

    def encode(self, value: typing.Any) -> bytes:
        """Any sequence of as many values."""
        values = _values(self, value, len(self.items))
        return encode_all(self.items, values)

    def decode(self, data: memoryview, at: int) -> tuple[typing.Any, ...]:
        """A tuple."""
        return tuple(decode_all(self.items, data, at))


class ArrayType(AbiType):
    """`T[N]`: a fixed number of items, without a length in front."""

    def __init__(self, item: AbiType, count: int) -> None:
        self.name = f"{item.name}[{count}]"
        self._items = (item,) * count
        self.head_size = static_size(self._items)

    def encode(self, value: typing.Any) -> bytes:
        """Any sequence of as many values."""
        return encode_all(self._items, _values(self, value, len(self._items)))

    def decode(self, data: memoryview, at: int) -> list[typing.Any]:
        """A list."""
        return decode_all(self._items, data, at)


class ListType(AbiType):
    """`T[]`: a count, then as many items."""

    head_size = None

    def __init__(self, item: AbiType) -> None:
        self.name = f"{item.name}[]"
        self._item = item

    def encode(self, value: typing.Any) -> bytes:
        """Any sequence."""
        values = _values(self, value, None)
        return len(values).to_bytes(WORD, "big") + encode_all((self._item,) * len(values), values)

    def decode(self, data: memoryview, at: int) -> list[typing.Any]:
        """A list; a count that the data has no room for is refused before anything is read."""
        count, begin = length_at(data, at), at + WORD
        size = head_size(self._item)
        if count * size > len(data) - begin:
            raise ValueError(
                f"{self.name} of {count} items at byte {at}, but only {len(data) - begin} bytes follow"
            )
        return decode_all((self._item,) * count, data, begin)


def head_size(item: AbiType) -> int:
    """Bytes that a value takes up in line."""
    return WORD if item.head_size is None else item.head_size


def static_size(items: typing.Iterable[AbiType]) -> int | None:
    """Bytes of all items in line; None if one of them is dynamic, for then they all lie elsewhere."""
    sizes = [item.head_size for item in items]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def encode_all(items: "collections.abc.Sequence[AbiType]", values: typing.Iterable[typing.Any]) -> bytes:
    """Encode values in a row. An offset counts from the first head."""
    heads, tails = bytearray(), bytearray()
    tails_at = sum(map(head_size, items))
    for position, (item, value) in enumerate(zip(items, values, strict=True)):
        try:
            encoded = item.encode(value)
        except (TypeError, ValueError) as error:
            error.add_note(f"in value {position}, of type {item.name}")
            raise
        if item.head_size is None:
            heads += (tails_at + len(tails)).to_bytes(WORD, "big")
            tails += encoded
        else:
            heads += encoded
    return bytes(heads + tails)


def decode_all(items: "collections.abc.Sequence[AbiType]", data: memoryview, at: int) -> list[typing.Any]:
    """Decode values in a row, the first head of which is at byte `at`.

    Raises:
        ValueError: as decoding an item, or an offset points behind the data.
    """
    values = []
    head = at
    for item in items:
        place = head
        if item.head_size is None:
            offset = length_at(data, head)
            if offset > len(data) - at:
                raise ValueError(
                    f"the offset of {item.name} at byte {head} points to byte {at + offset}, "
                    f"but the data ends at byte {len(data)}"
                )
            place = at + offset
        values.append(item.decode(data, place))
        head += head_size(item)
    return values


def _values(
    abi_type: AbiType, value: typing.Any, count: int | None
) -> "collections.abc.Sequence[typing.Any]":
    if not isinstance(value, collections.abc.Sequence) or isinstance(
        value, str | bytes | bytearray | memoryview
    ):
        raise abi_type.mismatch(value, "a list or a tuple")
    if count is not None and len(value) != count:
        raise ValueError(f"{abi_type.name} takes {count} values, not {len(value)}")
    return value
