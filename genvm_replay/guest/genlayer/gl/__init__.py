"""What a contract can do in its VM, usually named `gl` (sdk.md section 1.2).

`message` and `message_raw` are no names of this module until the runner sets them at the start of a transaction: one
memory image serves many messages. Before that they are read from fd 0 on each access.
"""

import typing

import _genlayer_wasi as wasi

from genlayer.gl import advanced, vm
from genlayer.gl._internal.host_storage import STORAGE_MAN
from genlayer.gl._message import MessageRawType, MessageType, read_message
from genlayer.gl.annotations import private, public
from genlayer.gl.contract import Contract
from genlayer.gl.deployment import deploy_contract
from genlayer.gl.events import Event
from genlayer.gl.genvm_contracts import (
    BaseContract,
    ContractProxy,
    contract_interface,
    get_contract_at,
)
from genlayer.gl.tracing import trace, trace_time_micro
from genlayer.gl.vm import UserError
from genlayer.py import calldata, storage
from genlayer.py.types import *

if typing.TYPE_CHECKING:
    from genlayer.gl import eq_principle, nondet
    from genlayer.py import evm

    message: MessageType
    message_raw: MessageRawType

__all__ = (
    "STORAGE_MAN",
    "BaseContract",
    "Contract",
    "ContractProxy",
    "Event",
    "MessageRawType",
    "MessageType",
    "UserError",
    "advanced",
    "calldata",
    "contract_interface",
    "deploy_contract",
    "eq_principle",
    "evm",
    "get_contract_at",
    "message",
    "message_raw",
    "nondet",
    "private",
    "public",
    "storage",
    "trace",
    "trace_time_micro",
    "vm",
    "wasi",
)

# Imported on first use, as contracts without them need neither the time nor the memory.
_ON_DEMAND: typing.Final[dict[str, str]] = {
    "eq_principle": "genlayer.gl.eq_principle",
    "nondet": "genlayer.gl.nondet",
    "evm": "genlayer.py.evm",
}

# Names that contracts try although no version of the SDK had them.
_INSTEAD: typing.Final = {
    "block": "the time of the transaction is gl.message_raw['datetime'] or datetime.now()",
    "transfer": "use gl.get_contract_at(address).emit_transfer(value=...)",
    "http_fetch": "use gl.nondet.web.get inside a nondeterministic block",
    "Rollback": "raise gl.vm.UserError(message)",
    "rollback_immediate": "call gl.advanced.user_error_immediate(message)",
}


def __getattr__(name: str) -> typing.Any:
    if name == "message_raw":
        return read_message()
    if name == "message":
        return MessageType.of(read_message())
    if name in _ON_DEMAND:
        import importlib

        return importlib.import_module(_ON_DEMAND[name])
    hint = _INSTEAD.get(name)
    raise AttributeError(f"module 'genlayer.gl' has no attribute {name!r}" + (f": {hint}" if hint else ""))
