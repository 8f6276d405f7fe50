"""The parts that a request is made of on the wire: fixed fields, then slices, topics and JSON (spec/executor.md 1.2).

Everything is little-endian. Nothing here knows a method; `methods` puts the parts together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from .inbox import Inbox, Unfit, slice_bytes
from .limits import JSON_BYTES_MAX, TOPICS_MAX, Limits

TOPIC_SIZE: Final = 32
U256_SIZE: Final = 32
ON: Final = ("accepted", "finalized")
RESULT_CODES: Final = {0: "return", 1: "user_error", 2: "vm_error"}


class Fixed(NamedTuple):
    """A field at the beginning of a request: its `struct` code, and its size where that is a text of bytes."""

    code: str
    size: int | None = None


U8: Final = Fixed("B")
U32: Final = Fixed("I")
U64: Final = Fixed("Q")
ADDRESS: Final = Fixed("20s", 20)
SLOT: Final = Fixed("32s", 32)


class Part(Protocol):
    """One or more neighbouring fields of a request, of varying length."""

    @property
    def count(self) -> int:
        """How many fields."""
        ...

    def encode(self, fields: Sequence[object], limits: Limits) -> bytes:
        """The bytes of `count` fields. Raises Unfit."""
        ...

    def decode(self, inbox: Inbox, limits: Limits) -> Sequence[object]:
        """The fields. Raises Missing and Unfit."""
        ...


class Slice:
    """Bytes behind their length."""

    count: Final = 1

    def __init__(self, size_max: Callable[[Limits], int]) -> None:
        self._size_max = size_max

    def encode(self, fields: Sequence[object], limits: Limits) -> bytes:
        """u32 length, bytes."""
        return slice_bytes(fields[0], self._size_max(limits))

    def decode(self, inbox: Inbox, limits: Limits) -> Sequence[object]:
        """The bytes."""
        return (inbox.take_slice(self._size_max(limits)),)


class VmResult:
    """A slice that holds the result of a VM."""

    count: Final = 1

    def encode(self, fields: Sequence[object], limits: Limits) -> bytes:
        """u32 length, code, data."""
        encoded = slice_bytes(fields[0], limits.slice_bytes_max)
        check_vm_result(encoded[4:])
        return encoded

    def decode(self, inbox: Inbox, limits: Limits) -> Sequence[object]:
        """Code and data."""
        result = inbox.take_slice(limits.slice_bytes_max)
        check_vm_result(result)
        return (result,)


class Topics:
    """u8 count and as many topics of 32 bytes."""

    count: Final = 1

    def encode(self, fields: Sequence[object], _limits: Limits) -> bytes:
        """Count, topics."""
        topics = fields[0]
        if not isinstance(topics, tuple | list) or len(topics) > TOPICS_MAX:
            raise Unfit(f"topics {topics!r:.80}, at most {TOPICS_MAX} are allowed")
        if not all(isinstance(topic, bytes) and len(topic) == TOPIC_SIZE for topic in topics):
            raise Unfit(f"a topic is not {TOPIC_SIZE} bytes")
        return bytes((len(topics),)) + b"".join(topics)

    def decode(self, inbox: Inbox, _limits: Limits) -> Sequence[object]:
        """A tuple of topics."""
        (count,) = inbox.take(1)
        if count > TOPICS_MAX:
            raise Unfit(f"{count} topics are announced, limit {TOPICS_MAX}")
        joined = inbox.take(TOPIC_SIZE * count)
        return (tuple(joined[at : at + TOPIC_SIZE] for at in range(0, len(joined), TOPIC_SIZE)),)


class _JsonValue(NamedTuple):
    pattern: str
    write: Callable[[object], str]
    read: Callable[[str], object]


def _write_u256(value: object) -> str:
    if not isinstance(value, bytes) or len(value) != U256_SIZE:
        raise Unfit(f"a number is not {U256_SIZE} bytes")
    return hex(int.from_bytes(value, "little"))


def _read_u256(text: str) -> bytes:
    return int(text, 16).to_bytes(U256_SIZE, "little")


def _write_on(value: object) -> str:
    if not isinstance(value, str) or value not in ON:
        raise Unfit(f"on is {value!r:.80}, neither of {ON}")
    return value


_U256: Final = _JsonValue("0x(?:0|[1-9a-f][0-9a-f]{0,63})", _write_u256, _read_u256)
_JSON_VALUES: Final = {
    "on": _JsonValue("|".join(ON), _write_on, str),
    "salt_nonce": _U256,
    "value": _U256,
}


class Json:
    """A slice of JSON with exactly these keys: compact, keys in alphabetical order, lowercase hex numbers.

    There is one text for every value, so a pattern reads it and no JSON parser ever sees what a peer wrote.
    """

    def __init__(self, *names: str) -> None:
        """
        Args:
            names: keys in the order of the request's fields.
        """
        self.count = len(names)
        self._names = names
        pairs = (f'"{name}":"(?P<{name}>{_JSON_VALUES[name].pattern})"' for name in sorted(names))
        self._pattern = re.compile(r"\{" + ",".join(pairs) + r"\}")

    def encode(self, fields: Sequence[object], _limits: Limits) -> bytes:
        """u32 length, text."""
        texts = {
            name: _JSON_VALUES[name].write(field) for name, field in zip(self._names, fields, strict=True)
        }
        pairs = ",".join(f'"{name}":"{texts[name]}"' for name in sorted(texts))
        return slice_bytes(f"{{{pairs}}}".encode("ascii"), JSON_BYTES_MAX)

    def decode(self, inbox: Inbox, _limits: Limits) -> Sequence[object]:
        """The values in the order of the request's fields."""
        text = inbox.take_slice(JSON_BYTES_MAX).decode("latin-1")
        match = self._pattern.fullmatch(text)
        if match is None:
            raise Unfit(f"{text!r} is not the JSON of {', '.join(sorted(self._names))}")
        return [_JSON_VALUES[name].read(match[name]) for name in self._names]


def check_vm_result(result: bytes) -> None:
    """Check the form of a VM's result: code byte, then calldata or a message (spec/executor.md 2.1).

    Raises:
        Unfit: no code, an unknown one, or a message that is not UTF-8.
    """
    if not result or result[0] not in RESULT_CODES:
        raise Unfit(
            f"a VM result begins with {result[:1].hex() or 'nothing'}, not with one of {RESULT_CODES}"
        )
    if result[0]:
        try:
            result[1:].decode()
        except UnicodeDecodeError as error:
            raise Unfit(f"the message of a {RESULT_CODES[result[0]]} is not UTF-8: {error.reason}") from error
