"""Host functions: a table line becomes an unchecked callback of the engine.

One trampoline a function: decode the arguments from the engine's slots, find the guest that runs on this thread, call,
store the result. Whatever the function raises (BaseException too) is kept on the guest and becomes a trap: an exception
must never cross the C frames (docs/wasm-runtime.md, section 3).
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from .ffi import ADDRESS_SPACE, HOST_CALLBACK, address_of, define_unchecked, trap_new

if TYPE_CHECKING:
    from .guest import Guest

SLOTS: Final = {"i": "I12x", "p": "I12x", "I": "Q8x"}
TYPES: Final = {"i": wasmtime.ValType.i32, "p": wasmtime.ValType.i32, "I": wasmtime.ValType.i64}
STOP_TEXT: Final = b"stopped by the host"


@dataclass(frozen=True, slots=True)
class HostFunction:
    """One import of the guest.

    Attributes:
        call: takes the guest and one int per parameter (unsigned); gives the i32 result, or None if there is none.
        params: a letter a parameter: `i` u32, `I` u64, `p` guest pointer (u32; never journaled).
        result: False for functions without a result.
    """

    call: Callable[..., int | None]
    params: str
    result: bool = True


class _Running(threading.local):
    """The guest that executes on this thread: set around every call into wasm, nested VMs included."""

    guest: Guest


RUNNING: Final = _Running()


def define(linker: wasmtime.Linker, module: str, table: Mapping[str, HostFunction]) -> list[object]:
    """Define every function of `table` in `linker` under the import module `module`.

    Returns:
        What must stay alive as long as the linker and every instance made from it.
    """
    kept: list[object] = []
    for name, function in table.items():
        callback = HOST_CALLBACK(_trampoline(function))
        results = [wasmtime.ValType.i32()] if function.result else []
        kind = wasmtime.FuncType([TYPES[letter]() for letter in function.params], results)
        raw_module, raw_name = module.encode(), name.encode()
        failed = define_unchecked(
            address_of(linker.ptr()),
            *(raw_module, len(raw_module), raw_name, len(raw_name)),
            *(address_of(kind.ptr()), callback, None, None),
        )
        assert not failed, f"{module}.{name} is defined twice"
        kept += [callback, kind]
    return kept


def _trampoline(function: HostFunction) -> Callable[[Any, Any, int, int], int]:
    call, has_result = function.call, function.result
    unpack = struct.Struct("<" + "".join(SLOTS[letter] for letter in function.params)).unpack_from
    pack = struct.Struct("<I").pack_into
    slots, running = ADDRESS_SPACE, RUNNING

    def enter(_environment: object, caller: object, arguments: int, _count: int) -> int:
        guest = running.guest
        try:
            if guest.memory_of is not None:
                guest.memory = guest.memory_of(caller)
            result = call(guest, *unpack(slots, arguments))
            if has_result:
                pack(slots, arguments, result)
            return 0
        except BaseException as error:
            guest.stopped_by = error
            return trap_new(STOP_TEXT, len(STOP_TEXT))  # type: ignore[no-any-return]

    return enter
