"""All functions of the import module `genlayer_sdk`."""

from __future__ import annotations

from typing import Final

from ..host_functions import HostFunction
from .balances import get_balance, get_self_balance
from .gl_call import gl_call
from .storage import storage_read, storage_write

SDK_CALLS: Final = {
    "storage_read": HostFunction(storage_read, "pipi"),
    "storage_write": HostFunction(storage_write, "pipi"),
    "get_balance": HostFunction(get_balance, "pp"),
    "get_self_balance": HostFunction(get_self_balance, "p"),
    "gl_call": HostFunction(gl_call, "pip"),
}
