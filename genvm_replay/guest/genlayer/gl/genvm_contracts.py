"""Calling and paying other contracts of this chain (sdk.md section 1.7).

A view call runs the other contract at once and gives its answer. Everything else is a message: the host keeps it and
the other contract gets it in a transaction of its own, once this one is accepted or final.
"""

import typing

import _genlayer_wasi as wasi

from genlayer.gl._internal.gl_call import ask
from genlayer.gl._internal.lazy_api import lazy_api
from genlayer.gl._internal.transfers import On, check_address, check_on, check_value, refuse_reserved, send
from genlayer.gl.vm import decode_result, unpack_result
from genlayer.py.public_abi import StorageType
from genlayer.py.types import Address, Lazy, u256

if typing.TYPE_CHECKING:
    from genlayer.py.evm.generate import ContractDeclaration

_View_co = typing.TypeVar("_View_co", covariant=True)
_Write_co = typing.TypeVar("_Write_co", covariant=True)
_View = typing.TypeVar("_View")
_Write = typing.TypeVar("_Write")

__all__ = ("BaseContract", "ContractProxy", "contract_interface", "get_contract_at")


class BaseContract(typing.Protocol):
    """What every contract has, this one or another."""

    @property
    def address(self) -> Address:
        """Its address."""
        ...

    @property
    def balance(self) -> u256:
        """What it owns, in the smallest unit."""
        ...


class ContractProxy(BaseContract, typing.Protocol[_View_co, _Write_co]):
    """Another contract, as `gl.get_contract_at` gives it."""

    def view(self, *, state: StorageType = StorageType.LATEST_NON_FINAL) -> _View_co:
        """Choose the state to read. Calling a method of the result runs the other contract now.

        A user error there is raised here as `gl.vm.UserError`. Any other failure there ends this contract too.
        """
        ...

    def emit(self, *, value: int = 0, on: On = "finalized") -> _Write_co:
        """Choose what goes along, and when. Calling a method of the result sends a message and gives None."""
        ...

    def emit_transfer(self, *, value: int, on: On = "finalized") -> None:
        """Send coins and nothing else; the other contract gets them in `__receive__`."""
        ...


class _Proxy:
    __slots__ = ("_address",)

    def __init__(self, address: Address) -> None:
        self._address = address

    def __repr__(self) -> str:
        return f"<contract at {self._address.as_hex}>"

    @property
    def address(self) -> Address:
        return self._address

    @property
    def balance(self) -> u256:
        return u256(wasi.get_balance(self._address.as_bytes))

    def view(self, *, state: StorageType = StorageType.LATEST_NON_FINAL) -> "_Views":
        return _Views(self._address, StorageType(state))

    def emit(self, *, value: int = 0, on: On = "finalized") -> "_Messages":
        return _Messages(self._address, check_value(value), check_on(on))

    def emit_transfer(self, *, value: int, on: On = "finalized") -> None:
        if check_value(value) == 0:
            raise ValueError("emit_transfer sends coins: value is 0")
        _post(self._address, call_object(None, (), {}), value, check_on(on))


class _Views:
    """The methods of another contract, to be called now."""

    __slots__ = ("_gl_address", "_gl_state")

    def __init__(self, address: Address, state: StorageType) -> None:
        self._gl_address = address
        self._gl_state = state

    def __getattr__(self, name: str) -> typing.Any:
        refuse_reserved(name)

        def call(*args: typing.Any, **kwargs: typing.Any) -> Lazy[typing.Any]:
            request = {
                "address": self._gl_address,
                "calldata": call_object(name, args, kwargs),
                "state": int(self._gl_state),
            }
            return ask({"CallContract": request}, lambda answer: unpack_result(decode_result(answer)))

        return lazy_api(call)


class _Messages:
    """The methods of another contract, to be called by message."""

    __slots__ = ("_gl_address", "_gl_on", "_gl_value")

    def __init__(self, address: Address, value: int, on: str) -> None:
        self._gl_address = address
        self._gl_value = value
        self._gl_on = on

    def __getattr__(self, name: str) -> typing.Any:
        refuse_reserved(name)

        def call(*args: typing.Any, **kwargs: typing.Any) -> None:
            _post(self._gl_address, call_object(name, args, kwargs), self._gl_value, self._gl_on)

        return call


def _post(address: Address, call: dict[str, typing.Any], value: int, on: str) -> None:
    send({"PostMessage": {"address": address, "calldata": call, "value": value, "on": on}})


def call_object(
    method: str | None, args: typing.Sequence[typing.Any], kwargs: typing.Mapping[str, typing.Any]
) -> dict[str, typing.Any]:
    """Write a call as the runner of the callee reads it: what is absent or empty is left out."""
    call: dict[str, typing.Any] = {} if method is None else {"method": method}
    if args:
        call["args"] = args
    if kwargs:
        call["kwargs"] = kwargs
    return call


def get_contract_at(address: Address, /) -> ContractProxy[typing.Any, typing.Any]:
    """Give the contract at an address, to call, pay or look at. Asks the host nothing yet.

    Raises:
        TypeError: it is no `Address`.
    """
    return _Proxy(check_address(address, "gl.get_contract_at"))


def contract_interface(
    _declaration: "type[ContractDeclaration[_View, _Write]]", /
) -> typing.Callable[[Address], ContractProxy[_View, _Write]]:
    """Declare the methods of another contract: a class decorator. The result is called with an Address.

    The declaration serves type checkers and readers only; a call is not compared with it.
    """
    return get_contract_at
