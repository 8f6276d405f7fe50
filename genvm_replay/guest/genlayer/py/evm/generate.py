"""What a class with `View` and `Write` says about an Ethereum contract (sdk.md section 7.2)."""

import inspect
import typing

from genlayer.py.evm.calldata import MethodEncoder
from genlayer.py.types import Address, u256

_View_co = typing.TypeVar("_View_co", covariant=True)
_Write_co = typing.TypeVar("_Write_co", covariant=True)


class ContractDeclaration(typing.Protocol[_View_co, _Write_co]):
    """The class that is decorated: what can be called in `View`, what can be sent in `Write`."""

    @property
    def View(self) -> type[_View_co]:
        """The class of what can be called."""
        ...

    @property
    def Write(self) -> type[_Write_co]:
        """The class of what can be sent."""
        ...


class ContractProxy(typing.Protocol[_View_co, _Write_co]):
    """An Ethereum contract, or an account of people: what an interface gives for an address."""

    @property
    def address(self) -> Address:
        """Its address."""
        ...

    @property
    def balance(self) -> u256:
        """What it owns, in the smallest unit."""
        ...

    def view(self) -> _View_co:
        """Calling a method of the result asks the contract now and gives its answer."""
        ...

    def emit(self, *, value: int = 0, on: typing.Literal["finalized"] = "finalized") -> _Write_co:
        """Calling a method of the result sends a transaction, once this one is final; it gives None."""
        ...

    def emit_transfer(self, *, value: int, on: typing.Literal["finalized"] = "finalized") -> None:
        """Send coins and nothing else."""
        ...


class Method:
    """A declared method: checks the arguments of a call as Python does, and encodes them."""

    def __init__(self, function: typing.Callable[..., typing.Any], *, has_result: bool) -> None:
        first, *parameters = inspect.signature(function).parameters.values() or (None,)
        if first is None or first.name != "self":
            raise AssertionError("the first parameter must be `self`")
        hints = typing.get_type_hints(function)
        for parameter in parameters:
            _check_parameter(parameter, hints)
        if has_result and "return" not in hints:
            raise AssertionError("annotate the result, it has to be decoded; `-> None` if there is none")
        types = tuple(hints[parameter.name] for parameter in parameters)
        self._signature = inspect.Signature(parameters)
        self.encoder = MethodEncoder(function.__name__, types, hints["return"] if has_result else None)

    def encode_call(self, args: tuple[typing.Any, ...], kwargs: dict[str, typing.Any]) -> bytes:
        """Encode a call.

        Raises:
            TypeError, ValueError: the arguments are not those of the declaration.
        """
        try:
            bound = self._signature.bind(*args, **kwargs)
            return self.encoder.encode_call(bound.args)
        except (TypeError, ValueError) as error:
            error.add_note(f"in a call of {self.encoder.signature}")
            raise


def read_declaration(declaration: type) -> tuple[dict[str, Method], dict[str, Method]]:
    """Read the methods of `View` and of `Write`.

    Raises:
        AssertionError: the declaration has not the form it needs; notes say where and how to write it.
        TypeError: Ethereum has no type for an annotation.
    """
    parts = []
    for part, has_result in (("View", True), ("Write", False)):
        inner = getattr(declaration, part, None)
        if not isinstance(inner, type):
            raise AssertionError(
                f"interface `{declaration.__qualname__}` has no class `{part}`; an empty one is enough"
            )
        parts.append(
            {
                name: _read_method(inner, name, function, has_result=has_result)
                for name, function in inspect.getmembers(inner, inspect.isfunction)
                if not name.startswith("__")
            }
        )
    views, writes = parts
    return views, writes


def _read_method(
    inner: type, name: str, function: typing.Callable[..., typing.Any], *, has_result: bool
) -> Method:
    try:
        return Method(function, has_result=has_result)
    except Exception as error:
        error.add_note(f"in the declaration of `{inner.__qualname__}.{name}`")
        error.add_note("write it like `def transfer(self, to: Address, amount: u256, /) -> bool: ...`")
        raise


def _check_parameter(parameter: inspect.Parameter, hints: dict[str, typing.Any]) -> None:
    if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        raise AssertionError(f"`{parameter}` is not allowed: Ethereum knows arguments by their place only")
    if parameter.name not in hints:
        raise AssertionError(f"`{parameter.name}` has no type")
    if parameter.default is not parameter.empty:
        raise AssertionError(f"`{parameter.name}` has a default, which Ethereum does not know")
