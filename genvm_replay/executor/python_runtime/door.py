"""`host.call`: how the Python runtime reaches genlayer_sdk.

python.wasm imports one function besides wasip1. Its guest passes a bytearray whose first byte names an operation; the
arguments follow, packed little-endian, and the answer is written into the same bytes: first the errno, then, where the
operation has a result, the result in the room left for it. So one crossing needs no allocation in the guest.

| operation | request | answer, after the errno at 0 |
|---|---|---|
| 1 storage_read | slot 32, index u32, length u32, room | the bytes, at 41 |
| 2 storage_write | slot 32, index u32, length u32, data | |
| 3 get_balance | address 20, room 32 | balance, at 21 |
| 4 get_self_balance | room 32 | balance, at 1 |
| 5 gl_call | room u32, message | descriptor, at 1 |
| 6 image_ready | u32 addresses of the callables `main` and `prepare_contract`; only while an image is built | |

From 128 on, native code in the guest answers (native/native.c), and nothing comes here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from ..ffi import ADDRESS_SPACE
from ..genlayer_sdk.balances import get_balance, get_self_balance
from ..genlayer_sdk.errno import Errno
from ..genlayer_sdk.gl_call import carry_out
from ..genlayer_sdk.storage import storage_read, storage_write
from ..guest import Guest
from ..host_functions import HostFunction

SLOT_AT, INDEX_AT, LENGTH_AT, DATA_AT = 1, 33, 37, 41
_INDEX_LENGTH: Final = struct.Struct("<II").unpack_from
OK_RETURN: Final = 0  # the guest module raises on anything else


def _storage(
    call: Callable[[Guest, int, int, int, int], Errno],
) -> Callable[[Guest, int, int], Errno]:
    def operate(guest: Guest, ptr: int, size: int) -> Errno:
        if size < DATA_AT:
            return Errno.INVAL
        index, length = _INDEX_LENGTH(ADDRESS_SPACE, guest.memory.span(ptr, size) + INDEX_AT)
        if length > size - DATA_AT:
            return Errno.INVAL
        return call(guest, ptr + SLOT_AT, index, ptr + DATA_AT, length)

    return operate


def _balance(guest: Guest, ptr: int, size: int) -> Errno:
    return get_balance(guest, ptr + 1, ptr + 21) if size >= 53 else Errno.INVAL


def _self_balance(guest: Guest, ptr: int, size: int) -> Errno:
    return get_self_balance(guest, ptr + 1) if size >= 33 else Errno.INVAL


def _message(guest: Guest, ptr: int, size: int) -> Errno:
    return carry_out(guest, ptr + 5, size - 5, ptr + 1) if size >= 5 else Errno.INVAL


def _image_ready(guest: Guest, ptr: int, size: int) -> Errno:
    if not guest.booting or size < 9:
        return Errno.INVAL
    guest.entry_points = guest.memory.read_u32(ptr + 1), guest.memory.read_u32(ptr + 5)
    return Errno.SUCCESS


OPERATIONS: Final[dict[int, Callable[[Guest, int, int], Errno]]] = {
    1: _storage(storage_read),
    2: _storage(storage_write),
    3: _balance,
    4: _self_balance,
    5: _message,
    6: _image_ready,
}


def host_call(guest: Guest, ptr: int, size: int, out_ptr_ptr: int, out_size_ptr: int) -> int:
    """Carry out the operation at `ptr`; always answers in place, so the separate output is empty."""
    operation = guest.memory.read(ptr, 1)[0] if size else 0
    operate = OPERATIONS.get(operation)
    errno = operate(guest, ptr, size) if operate else Errno.INVAL
    if size:
        guest.memory.write(ptr, bytes((errno,)))
    guest.memory.write_u32(out_ptr_ptr, 0)
    guest.memory.write_u32(out_size_ptr, 0)
    return OK_RETURN


HOST_CALLS: Final = {"call": HostFunction(host_call, "pipp")}
