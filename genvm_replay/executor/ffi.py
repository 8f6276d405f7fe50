"""The few entry points of wasmtime's C API that the hot path calls directly (docs/wasm-runtime.md, sections 1 and 3).

wasmtime-py's own wrappers cost 9-25 us a crossing; these cost 0.2-0.8 us. Prototypes are private to this module: the
function objects of wasmtime-py are left alone. Everything here is unchecked: only `memory`, `host_functions` and
`instance` may use it.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, c_bool, c_char_p, c_int, c_int64, c_long, c_size_t, c_uint64, c_void_p
from typing import Any, Final

from wasmtime import _ffi as wasmtime_ffi

ADDRESS_SPACE: Final = memoryview((ctypes.c_char * ((1 << 47) - 1)).from_address(0)).cast("B")
"""All user-space memory of this process, by absolute address. Bounds are the caller's duty."""

HOST_CALLBACK: Final = CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_void_p, c_size_t)
"""(environment, caller, address of the 16-byte argument slots, count) -> 0 or the address of a trap."""


def _entry(name: str, result: Any, *params: Any) -> Any:
    return CFUNCTYPE(result, *params)((name, wasmtime_ffi.dll))


define_unchecked: Final = _entry(
    "wasmtime_linker_define_func_unchecked",
    c_void_p,
    *(c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, HOST_CALLBACK, c_void_p, c_void_p),
)
call_unchecked: Final = _entry(
    "wasmtime_func_call_unchecked", c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p
)
trap_new: Final = _entry("wasmtime_trap_new", c_void_p, c_char_p, c_size_t)
store_new: Final = _entry("wasmtime_store_new", c_void_p, c_void_p, c_void_p, c_void_p)
store_delete: Final = _entry("wasmtime_store_delete", None, c_void_p)
store_context: Final = _entry("wasmtime_store_context", c_void_p, c_void_p)
store_limiter: Final = _entry(
    "wasmtime_store_limiter", None, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64
)
set_fuel: Final = _entry("wasmtime_context_set_fuel", c_void_p, c_void_p, c_uint64)
get_fuel: Final = _entry("wasmtime_context_get_fuel", c_void_p, c_void_p, c_void_p)
set_epoch_deadline: Final = _entry("wasmtime_context_set_epoch_deadline", None, c_void_p, c_uint64)
increment_epoch: Final = _entry("wasmtime_engine_increment_epoch", None, c_void_p)
instantiate: Final = _entry(
    "wasmtime_instance_pre_instantiate", c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
)
linker_instantiate: Final = _entry(
    "wasmtime_linker_instantiate", c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
)
linker_define_instance: Final = _entry(
    "wasmtime_linker_define_instance", c_void_p, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p
)
caller_export_get: Final = _entry(
    "wasmtime_caller_export_get", c_bool, c_void_p, c_char_p, c_size_t, c_void_p
)
export_get: Final = _entry(
    "wasmtime_instance_export_get", c_bool, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p
)
memory_data: Final = _entry("wasmtime_memory_data", c_void_p, c_void_p, c_void_p)
memory_size: Final = _entry("wasmtime_memory_data_size", c_size_t, c_void_p, c_void_p)
memory_grow: Final = _entry("wasmtime_memory_grow", c_void_p, c_void_p, c_void_p, c_uint64, c_void_p)
global_set: Final = _entry("wasmtime_global_set", c_void_p, c_void_p, c_void_p, c_void_p)
global_get: Final = _entry("wasmtime_global_get", None, c_void_p, c_void_p, c_void_p)

mmap: Final = CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_int, c_int, c_int, c_long, use_errno=True)(
    ("mmap", ctypes.CDLL(None, use_errno=True))
)

ITEM_OFFSET: Final = wasmtime_ffi.wasmtime_extern_t.of.offset
"""Where a `wasmtime_extern_t` keeps the function, memory or global that it names."""


def address_of(pointer: Any) -> int:
    """The numeric address behind a ctypes pointer."""
    return ctypes.cast(pointer, c_void_p).value or 0
