"""The host functions of a contract, as Python functions (sdk.md section 1.12, executor.md section 4.1).

Every function packs one frame into a bytearray and gives it to `_host.call`, which answers in place: byte 0 is the
errno. All integers are little endian. Names that start with an underscore are for the SDK only: they skip checks and
copies that the public functions need.
"""

from struct import Struct
from typing import TYPE_CHECKING, Final

try:
    from _host import call as _call

    HAS_HOST = True
except ImportError:  # an editor, a type checker, a script outside the VM: all but the host is there
    HAS_HOST = False

    def _call(frame: bytes | bytearray, /) -> bytes:
        raise RuntimeError(
            "there is no VM around this contract: run it, with `genvm-replay deploy` for instance"
        )


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Buffer

__all__ = ("gl_call", "get_balance", "get_self_balance", "storage_read", "storage_write")

NO_RESULT: Final = 0xFFFF_FFFF  # what `gl_call` gives when the request has no result file

_STORAGE_READ: Final = 1
_STORAGE_WRITE: Final = 2
_GET_BALANCE: Final = 3
_GET_SELF_BALANCE: Final = 4
_GL_CALL: Final = 5
_IMAGE_READY: Final = 6

_ERRNO_NAMES: Final = {
    1: "overflow",
    2: "inval",
    3: "fault",
    4: "ilseq",
    5: "io",
    6: "forbidden",
    7: "inbalance",
}

_FORBIDDEN: Final = 6
_HINTS: Final = {
    _STORAGE_READ: "storage can't be read in a nondeterministic block or a sandbox: read it before, into local "
    "variables; gl.storage.copy_to_memory copies records and maps",
    _STORAGE_WRITE: "storage can't be written in a view, in a nondeterministic block, in a sandbox without "
    "allow_write_ops, nor where it is locked: return the value, and write it where the contract may",
    _GET_SELF_BALANCE: "the contract's balance can't be asked in a nondeterministic block: read it before, into a "
    "local variable",
}
"""What to do instead, by operation that was forbidden."""

_DATA: Final = 41  # where the bytes of a storage frame begin
_HEAD: Final = Struct("<B32sII")
_pack_head = _HEAD.pack
_pack_head_into = _HEAD.pack_into
_unpack_u32 = Struct("<I").unpack_from
_pack_u32_write = Struct("<B32sIII").pack_into

# One frame serves every u32 access: the guest has one thread and the host is done with it when the call returns.
_u32_frame: Final = bytearray(_DATA + 4)


def _failure(errno: int, operation: int = 0) -> SystemError:
    error = SystemError(f"{errno}: {_ERRNO_NAMES.get(errno, 'unknown')}")
    if errno == _FORBIDDEN and operation in _HINTS:
        error.add_note(_HINTS[operation])
    return error


def storage_read(slot: "Buffer", off: int, buf: "Buffer", /) -> None:
    """Fill the writable buffer `buf` from byte `off` of a slot. `slot` is its 32-byte id."""
    with memoryview(buf) as view, view.cast("B") as room:
        room[:] = _load(_checked(slot, 32), off, room.nbytes)


def storage_write(slot: "Buffer", off: int, data: "Buffer", /) -> None:
    """Write all of `data` from byte `off` of a slot. `slot` is its 32-byte id."""
    _store(_checked(slot, 32), off, data if type(data) is bytes else bytes(memoryview(data)))


def get_balance(address: "Buffer", /) -> int:
    """Ask for the balance of the account with the 20-byte `address`, in the smallest unit."""
    frame = bytearray(b"\x03" + _checked(address, 20) + bytes(32))
    _call(frame)
    if frame[0]:
        raise _failure(frame[0])
    return int.from_bytes(frame[21:], "little")


def get_self_balance() -> int:
    """Ask for the balance of this contract, less what it has already sent in this run."""
    frame = bytearray(33)
    frame[0] = _GET_SELF_BALANCE
    _call(frame)
    if frame[0]:
        raise _failure(frame[0], _GET_SELF_BALANCE)
    return int.from_bytes(frame[1:], "little")


def gl_call(request: "Buffer", /) -> int:
    """Send a calldata request. Gives the descriptor of the result file, or `NO_RESULT`.

    `Return` and `Rollback` do not come back: the host ends the VM.
    """
    frame = bytearray(b"\x05\0\0\0\0")
    frame += request
    _call(frame)
    if frame[0]:
        raise _failure(frame[0])
    return int(_unpack_u32(frame, 1)[0])


def _load(slot: bytes, off: int, size: int) -> bytes:
    frame = bytearray(_DATA + size)
    _pack_head_into(frame, 0, _STORAGE_READ, slot, off, size)
    _call(frame)
    if frame[0]:
        raise _failure(frame[0], _STORAGE_READ)
    return bytes(memoryview(frame)[_DATA:])


def _load_u32(slot: bytes, off: int) -> int:
    frame = _u32_frame
    _pack_head_into(frame, 0, _STORAGE_READ, slot, off, 4)
    _call(frame)
    if frame[0]:
        raise _failure(frame[0], _STORAGE_READ)
    value: int = _unpack_u32(frame, _DATA)[0]
    return value


def _store(slot: bytes, off: int, data: bytes) -> None:
    frame = bytearray(_pack_head(_STORAGE_WRITE, slot, off, len(data)))
    frame += data
    _call(frame)
    if frame[0]:
        raise _failure(frame[0], _STORAGE_WRITE)


def _store_u32(slot: bytes, off: int, value: int) -> None:
    frame = _u32_frame
    _pack_u32_write(frame, 0, _STORAGE_WRITE, slot, off, 4, value)
    _call(frame)
    if frame[0]:
        raise _failure(frame[0], _STORAGE_WRITE)


def _image_ready(*entries: "Callable[..., Any]") -> None:
    """Report the addresses of functions that the host calls in a restored image. The caller keeps them alive."""
    frame = bytearray((_IMAGE_READY,))
    for entry in entries:
        frame += (id(entry) & 0xFFFF_FFFF).to_bytes(4, "little")
    _call(frame)
    if frame[0]:
        raise _failure(frame[0])


def _checked(data: "Buffer", size: int) -> bytes:
    raw = bytes(memoryview(data))
    if len(raw) != size:
        raise ValueError(f"expected {size} bytes, got {len(raw)}")
    return raw
