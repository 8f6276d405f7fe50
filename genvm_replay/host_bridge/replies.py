"""What a host answers with on the wire, one class a shape (spec/executor.md 1.2).

Most answers are an error byte and, where that is 0, a body.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final, Protocol

from ..journal.events import OK, Answer, Request, StorageRead
from .host import HOST_ERRORS
from .inbox import Inbox, Unfit, slice_bytes
from .limits import Limits
from .parts import U256_SIZE, check_vm_result

Value = bytes | int | None
ACKNOWLEDGED: Final = b"\0"  # the value is ignored; this is what the reference host sends
_U64: Final = Struct("<Q")


class Reply(Protocol):
    """The shape of a method's answer."""

    def encode(self, request: Request, answer: Answer, limits: Limits) -> bytes:
        """The bytes of an answer. Raises Unfit."""
        ...

    def decode(self, inbox: Inbox, request: Request, limits: Limits) -> Answer:
        """The answer. Raises Missing and Unfit."""
        ...


class Nothing:
    """consume_fuel and notify_nondet_disagreement are told, not asked."""

    def encode(self, _request: Request, _answer: Answer, _limits: Limits) -> bytes:
        """No bytes, whatever the host says."""
        return b""

    def decode(self, _inbox: Inbox, _request: Request, _limits: Limits) -> Answer:
        """OK at once."""
        return OK


class Acknowledgement:
    """consume_result: one byte of any value."""

    def encode(self, _request: Request, _answer: Answer, _limits: Limits) -> bytes:
        """Zero, whatever the host says."""
        return ACKNOWLEDGED

    def decode(self, inbox: Inbox, _request: Request, _limits: Limits) -> Answer:
        """OK, whatever came."""
        inbox.take(1)
        return OK


class Checked:
    """An error byte and, where it is 0, a body."""

    def __init__(
        self,
        write: Callable[[Request, Value, Limits], bytes],
        read: Callable[[Inbox, Request, Limits], Value],
    ) -> None:
        self._write = write
        self._read = read

    def encode(self, request: Request, answer: Answer, limits: Limits) -> bytes:
        """Error byte, body."""
        error = answer.error
        if error == 0:
            return b"\0" + self._write(request, answer.value, limits)
        if error not in HOST_ERRORS:
            raise Unfit(f"unknown error byte {error}")
        _write_nothing(request, answer.value, limits)
        return bytes((error,))

    def decode(self, inbox: Inbox, request: Request, limits: Limits) -> Answer:
        """Error byte, body."""
        error = inbox.take(1)[0]
        if error == 0:
            return Answer(0, self._read(inbox, request, limits))
        if error not in HOST_ERRORS:
            raise Unfit(f"unknown error byte {error}")
        return Answer(error)


def _write_nothing(_request: Request, value: Value, _limits: Limits) -> bytes:
    if value is not None:
        raise Unfit("a value where none is sent")
    return b""


def _read_nothing(_inbox: Inbox, _request: Request, _limits: Limits) -> Value:
    return None


def _write_raw(request: Request, value: Value, _limits: Limits) -> bytes:
    """Exactly as many bytes as were asked for, without a length."""
    assert isinstance(request, StorageRead)
    return _exactly(value, request.length)


def _read_raw(inbox: Inbox, request: Request, _limits: Limits) -> Value:
    assert isinstance(request, StorageRead)
    return inbox.take(request.length)


def _write_slice(_request: Request, value: Value, limits: Limits) -> bytes:
    return slice_bytes(value, limits.slice_bytes_max)


def _read_slice(inbox: Inbox, _request: Request, limits: Limits) -> Value:
    return inbox.take_slice(limits.slice_bytes_max)


def _write_vm_result(_request: Request, value: Value, limits: Limits) -> bytes:
    encoded = slice_bytes(value, limits.slice_bytes_max)
    check_vm_result(encoded[4:])
    return encoded


def _read_vm_result(inbox: Inbox, _request: Request, limits: Limits) -> Value:
    result = inbox.take_slice(limits.slice_bytes_max)
    check_vm_result(result)
    return result


def _write_u256(_request: Request, value: Value, _limits: Limits) -> bytes:
    return _exactly(value, U256_SIZE)


def _read_u256(inbox: Inbox, _request: Request, _limits: Limits) -> Value:
    return inbox.take(U256_SIZE)


def _write_u64(_request: Request, value: Value, _limits: Limits) -> bytes:
    if not isinstance(value, int) or not 0 <= value < 2**64:
        raise Unfit(f"{value!r:.80} is no u64")
    return _U64.pack(value)


def _read_u64(inbox: Inbox, _request: Request, _limits: Limits) -> Value:
    return int(_U64.unpack(inbox.take(_U64.size))[0])


def _exactly(value: Value, size: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != size:
        raise Unfit(f"{len(value) if isinstance(value, bytes) else value!r:.80} in place of {size} bytes")
    return value


NOTHING: Final = Nothing()
ACKNOWLEDGEMENT: Final = Acknowledgement()
ERROR_ONLY: Final = Checked(_write_nothing, _read_nothing)
RAW: Final = Checked(_write_raw, _read_raw)
SLICE: Final = Checked(_write_slice, _read_slice)
VM_RESULT: Final = Checked(_write_vm_result, _read_vm_result)
U256: Final = Checked(_write_u256, _read_u256)
U64: Final = Checked(_write_u64, _read_u64)
