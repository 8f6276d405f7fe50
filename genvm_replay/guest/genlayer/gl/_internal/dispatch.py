"""Which method a message means (sdk.md section 4.2)."""

import typing

from genlayer.py import calldata
from genlayer.py.public_abi import SpecialMethod

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from genlayer.gl.contract import Contract

Call: typing.TypeAlias = "tuple[Callable[..., typing.Any], list[typing.Any], dict[str, typing.Any]]"

_GET_SCHEMA: typing.Final = str(SpecialMethod.GET_SCHEMA)
_ERRORED_MESSAGE: typing.Final = str(SpecialMethod.ERRORED_MESSAGE)
_ABSENT: typing.Final = object()
_PARTS: typing.Final = {"method": str, "args": list, "kwargs": dict}
_UNDEFINED: typing.Final = "__handle_undefined_method__"


def read_call(entry_data: bytes) -> dict[str, typing.Any]:
    """Decode the call object: a map with `method`, `args`, `kwargs`, each of which may be absent.

    Raises:
        TypeError: it is something else.
    """
    call = calldata.decode(entry_data)
    if not isinstance(call, dict):
        raise TypeError(f"a call is a map of method, args and kwargs, not {type(call).__name__}")
    for part, wanted in _PARTS.items():
        if part in call and not isinstance(call[part], wanted):
            raise TypeError(f"{part} of a call is {type(call[part]).__name__}, not {wanted.__name__}")
    return call


def find_constructor(contract: "type[Contract]", call: dict[str, typing.Any]) -> Call:
    """Find what a deployment runs.

    Raises:
        TypeError: the constructor is public.
    """
    construct = contract.__init__
    if getattr(construct, "__gl_public__", False):
        raise TypeError(f"`{contract.__qualname__}.__init__` is public: a constructor has no decorator")
    return construct, call.get("args", []), call.get("kwargs", {})


def find_method(contract: "type[Contract]", call: dict[str, typing.Any], value: int) -> Call:
    """Find what a call to a deployed contract runs.

    Raises:
        ValueError: no method may be called so.
    """
    name = call.get("method", "")
    args = call.get("args", [])
    kwargs = call.get("kwargs", {})
    if name == "":
        return _find_receiver(contract, args, kwargs, value)
    if name == _ERRORED_MESSAGE:
        return contract.__on_errored_message__, args, kwargs
    if name == _GET_SCHEMA:
        return _get_schema, [], {}
    if name.startswith(("__", "#")):
        raise ValueError(f"method {name!r} is reserved")
    method: typing.Any = getattr(contract, name, _ABSENT)
    if method is not _ABSENT:
        _check(method, name, value)
        return method, args, kwargs
    try:
        _check(contract.__handle_undefined_method__, _UNDEFINED, value)
    except ValueError as error:
        raise _no_method(contract, f"`{contract.__qualname__}` has no method {name!r}", error) from None
    return contract.__handle_undefined_method__, [name, args, kwargs], {}


def _find_receiver(
    contract: "type[Contract]", args: list[typing.Any], kwargs: dict[str, typing.Any], value: int
) -> Call:
    try:
        _check(contract.__receive__, "__receive__", value)
    except ValueError as error:
        reason = error
    else:
        return contract.__receive__, args, kwargs
    try:
        _check(contract.__handle_undefined_method__, _UNDEFINED, value)
    except ValueError as error:
        refusal = _no_method(contract, "the call names no method", reason)
        refusal.add_note(str(error))
        raise refusal from None
    return contract.__handle_undefined_method__, ["", args, kwargs], {}


def _check(method: typing.Any, name: str, value: int) -> None:
    if not getattr(method, "__gl_public__", False):
        raise ValueError(f"`{name}` is not public: decorate it with @gl.public.view or @gl.public.write")
    if getattr(method, "__isabstractmethod__", False):
        raise ValueError(f"`{name}` is abstract: the contract does not implement it")
    if value > 0 and not getattr(method, "__gl_payable__", False):
        raise ValueError(
            f"`{name}` takes no value, {value} was sent: decorate it with @gl.public.write.payable"
        )


def _no_method(contract: "type[Contract]", what: str, reason: ValueError) -> ValueError:
    refusal = ValueError(f"{what}, and nothing in `{contract.__qualname__}` takes such a call")
    refusal.add_note(str(reason))
    return refusal


def _get_schema(instance: "Contract") -> str:
    return type(instance).__get_schema__()
