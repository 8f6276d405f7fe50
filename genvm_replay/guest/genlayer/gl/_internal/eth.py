"""Ethereum contracts behind a host: `gl.evm.contract_interface` (sdk.md section 7.2)."""

import typing

import _genlayer_wasi as wasi

from genlayer.gl._internal.gl_call import ask
from genlayer.gl._internal.lazy_api import lazy_api
from genlayer.gl._internal.transfers import check_address, check_value, refuse_reserved, send
from genlayer.py.evm.generate import ContractDeclaration, ContractProxy, Method, read_declaration
from genlayer.py.types import Address, Lazy, u256

_View = typing.TypeVar("_View")
_Write = typing.TypeVar("_Write")


def contract_interface(
    declaration: type[ContractDeclaration[_View, _Write]], /
) -> typing.Callable[[Address], ContractProxy[_View, _Write]]:
    """Declare an Ethereum contract: a class decorator. The result is called with an Address.

    Raises:
        AssertionError, TypeError: the declaration can't be used; notes say where and how to write it.
    """
    declared = declaration
    return _Interface(declared.__name__, *read_declaration(declared))


class _Interface:
    def __init__(self, name: str, views: dict[str, Method], writes: dict[str, Method]) -> None:
        self.__name__ = name
        self.views = views
        self.writes = writes

    def __call__(self, address: Address, /) -> ContractProxy[typing.Any, typing.Any]:
        return _Proxy(self, check_address(address, self.__name__))

    def find(self, part: str, name: str) -> Method:
        """Find a method of `View` or `Write`.

        Raises:
            AttributeError: it declares none of this name.
        """
        parts = {"View": self.views, "Write": self.writes}
        method = parts.pop(part).get(name)
        if method is None:
            [(other, others)] = parts.items()
            hint = f", but {other} does" if name in others else ""
            raise AttributeError(f"{self.__name__}.{part} declares no method {name!r}{hint}", name=name)
        return method


class _Proxy:
    __slots__ = ("_address", "_interface")

    def __init__(self, interface: _Interface, address: Address) -> None:
        self._interface = interface
        self._address = address

    def __repr__(self) -> str:
        return f"<{self._interface.__name__} at {self._address.as_hex}>"

    @property
    def address(self) -> Address:
        return self._address

    @property
    def balance(self) -> u256:
        return u256(wasi.get_balance(self._address.as_bytes))

    def view(self) -> "_Views":
        return _Views(self._interface, self._address)

    def emit(self, *, value: int = 0, on: str = "finalized") -> "_Transactions":
        return _Transactions(self._interface, self._address, _check(value, on))

    def emit_transfer(self, *, value: int, on: str = "finalized") -> None:
        _send(self._address, b"", _check(value, on))


class _Views:
    __slots__ = ("_gl_address", "_gl_interface")

    def __init__(self, interface: _Interface, address: Address) -> None:
        self._gl_interface = interface
        self._gl_address = address

    def __getattr__(self, name: str) -> typing.Any:
        refuse_reserved(name)
        method = self._gl_interface.find("View", name)

        def call(*args: typing.Any, **kwargs: typing.Any) -> Lazy[typing.Any]:
            request = {"address": self._gl_address, "calldata": method.encode_call(args, kwargs)}
            return ask({"EthCall": request}, method.encoder.decode_ret)

        return lazy_api(call)


class _Transactions:
    __slots__ = ("_gl_address", "_gl_interface", "_gl_value")

    def __init__(self, interface: _Interface, address: Address, value: int) -> None:
        self._gl_interface = interface
        self._gl_address = address
        self._gl_value = value

    def __getattr__(self, name: str) -> typing.Any:
        refuse_reserved(name)
        method = self._gl_interface.find("Write", name)

        def emit(*args: typing.Any, **kwargs: typing.Any) -> None:
            _send(self._gl_address, method.encode_call(args, kwargs), self._gl_value)

        return emit


def _check(value: int, on: str) -> int:
    if on != "finalized":
        raise ValueError(
            f"on is {on!r}, but Ethereum gets a transaction once this one is finalized, no sooner"
        )
    return check_value(value)


def _send(address: Address, data: bytes, value: int) -> None:
    send({"EthSend": {"address": address, "calldata": data, "value": value}})
