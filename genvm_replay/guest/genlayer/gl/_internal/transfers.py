"""What everything that leaves a contract has in common: an address, a value, a time (sdk.md section 1.7)."""

import typing

from genlayer.gl._internal.gl_call import perform
from genlayer.py.types import Address

On: typing.TypeAlias = typing.Literal["accepted", "finalized"]

_INBALANCE: typing.Final = "7:"
U256_MAX: typing.Final = 2**256 - 1
_ON: typing.Final = typing.get_args(On)


def check_address(address: object, place: str) -> Address:
    """Give `address` back.

    Raises:
        TypeError: it is no Address; the text says how to make one.
    """
    if isinstance(address, Address):
        return address
    fix = f", write Address({address!r})" if isinstance(address, str) else ""
    raise TypeError(f"{place} takes an Address, not {type(address).__name__}{fix}")


def check_value(value: int, name: str = "value") -> int:
    """Give `value` back: an amount of coins, in the smallest unit, or another u256.

    Raises:
        TypeError, ValueError: it is no integer of 0 to 2**256 - 1.
    """
    if not isinstance(value, int):
        raise TypeError(f"{name} is an integer, not {type(value).__name__}")
    if not 0 <= value <= U256_MAX:
        raise ValueError(f"{name} is {value}, not 0 to 2**256 - 1")
    return value


def check_on(on: str) -> str:
    """Give `on` back: after which decision of the network it is carried out.

    Raises:
        ValueError: there is no such decision.
    """
    if on not in _ON:
        raise ValueError(f"on is {on!r}, not one of {', '.join(map(repr, _ON))}")
    return on


def send(request: dict[str, typing.Any]) -> None:
    """Send a request that takes value along.

    Raises:
        SystemError: the host refused it; a note says why.
    """
    try:
        perform(request)
    except SystemError as error:
        if str(error).startswith(_INBALANCE):
            error.add_note("the value is more than this contract owns, less what it has already sent")
        raise


def refuse_reserved(name: str) -> None:
    """Keep a proxy that has any method from having those of Python, which looks for them to copy or to print it.

    Raises:
        AttributeError: the name begins with `__`; no contract can be called by such a name.
    """
    if name.startswith("__"):
        raise AttributeError(f"{name!r} is no method that can be called", name=name)
