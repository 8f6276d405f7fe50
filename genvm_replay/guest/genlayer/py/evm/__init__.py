"""Talking to Ethereum contracts, named `gl.evm` in contracts (sdk.md section 7)."""

import typing

from genlayer.py.evm.calldata import (
    MethodEncoder,
    decode,
    encode,
    selector_of,
    signature_of,
    type_name_of,
)
from genlayer.py.evm.generate import ContractDeclaration, ContractProxy
from genlayer.py.evm.support import *
from genlayer.py.evm.support import __all__ as _support_names

if typing.TYPE_CHECKING:
    from genlayer.gl._internal.eth import contract_interface

__all__ = (  # noqa: PLE0604  # the names of support are text too
    "ContractDeclaration",
    "ContractProxy",
    "MethodEncoder",
    "contract_interface",
    "decode",
    "encode",
    "selector_of",
    "signature_of",
    "type_name_of",
    *_support_names,
)


def __getattr__(name: str) -> typing.Any:
    if name != "contract_interface":  # the one thing here that needs a host
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from genlayer.gl._internal.eth import contract_interface

    return contract_interface
