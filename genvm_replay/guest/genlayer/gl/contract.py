"""`gl.Contract`, the base of the one contract class in a VM (sdk.md section 1.6)."""

import typing

import _genlayer_wasi as wasi

from genlayer.gl.annotations import public
from genlayer.py.get_schema import get_schema
from genlayer.py.storage.classes import describe_contract
from genlayer.py.types import Address, u256

_F = typing.TypeVar("_F", bound=typing.Callable[..., typing.Any])

_registered: "type[Contract] | None" = None


def registered_contract() -> "type[Contract]":
    """Give the contract class that `/contract.py` defined.

    Raises:
        Exception: it defined none.
    """
    if _registered is None:
        raise Exception("the contract file defines no class that derives from gl.Contract")
    if getattr(
        _registered, "__abstractmethods__", None
    ):  # a mixin is an ABC: the hooks below count as abstract
        _registered.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
    return _registered


def _abstract(function: _F) -> _F:
    function.__isabstractmethod__ = True  # type: ignore[attr-defined]
    return function


class Contract:
    """Derive the contract from this class, once. Its annotated fields live in storage.

    The constructor runs on deployment only. Attributes without an annotation are lost at the end of a call.
    """

    def __init_subclass__(cls, **kwargs: typing.Any) -> None:
        """Register the contract and lay out its storage."""
        global _registered  # noqa: PLW0603
        super().__init_subclass__(**kwargs)
        if _registered is not None:
            raise TypeError(
                f"a VM has one contract class, but `{cls.__module__}.{cls.__qualname__}` comes after "
                f"`{_registered.__module__}.{_registered.__qualname__}`; make shared parts a mixin without gl.Contract"
            )
        describe_contract(cls)
        cls.__gl_contract__ = True  # type: ignore[attr-defined]
        _registered = cls

    @property
    def balance(self) -> u256:
        """What this contract owns, less what it has already sent in this run."""
        return u256(wasi.get_self_balance())

    @property
    def address(self) -> Address:
        """The address of this contract."""
        import genlayer.gl as gl  # noqa: PLR0402  # here, because `gl` imports this module

        return gl.message.contract_address

    @_abstract
    def __handle_undefined_method__(
        self, method_name: str, args: list[typing.Any], kwargs: dict[str, typing.Any]
    ) -> typing.Any:
        """Answer a call of a method that does not exist. Override it and make it public to use it."""
        raise NotImplementedError

    @_abstract
    def __receive__(self) -> None:
        """Answer a call that names no method: a plain transfer. Override it and make it public to use it."""
        raise NotImplementedError

    @public.write.payable
    def __on_errored_message__(self) -> None:
        """Learn that a message which this contract sent has failed, and that its value is back."""

    @classmethod
    def __get_schema__(cls) -> str:
        """Describe constructor and public methods as JSON."""
        return get_schema(cls)
