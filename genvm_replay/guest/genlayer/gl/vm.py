"""How a VM ends, and results of other VMs (sdk.md sections 1.8, 4.3)."""

import dataclasses
import typing

from genlayer.py import calldata
from genlayer.py.public_abi import ResultCode

_T = typing.TypeVar("_T")

__all__ = ("Result", "Return", "UserError", "VMError", "unpack_result")


@dataclasses.dataclass
class Return(typing.Generic[_T]):
    """The VM returned a value."""

    calldata: _T


@dataclasses.dataclass
class VMError:
    """The VM failed: an exception nobody caught, a trap, no more memory."""

    message: str


@dataclasses.dataclass
class UserError(Exception):
    """Raise this to undo the transaction and tell the caller why."""

    message: str

    def __str__(self) -> str:
        return repr(self)


Result: typing.TypeAlias = Return[_T] | VMError | UserError


def unpack_result(res: Result[_T], /) -> _T:
    """Give the value of a Return; raise a UserError for the others."""
    if isinstance(res, Return):
        return res.calldata
    if isinstance(res, VMError):
        raise UserError("vm error: " + res.message)
    raise res


def decode_result(data: bytes, /) -> Result[typing.Any]:
    """Decode the result of a VM: a code byte, then calldata or text.

    Raises:
        ValueError: no VM ends with this code.
    """
    payload = data[1:]
    match data[:1]:
        case b"\x00":
            return Return(calldata.decode(payload))
        case b"\x01":
            return UserError(payload.decode())
        case b"\x02":
            return VMError(payload.decode())
    raise ValueError(
        f"a VM result does not begin with {data[:1].hex() or 'nothing'}; known: {list(ResultCode)}"
    )
