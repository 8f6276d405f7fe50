"""`gl.public` and `gl.private`: who may call a method (sdk.md section 1.5).

A decorator only sets attributes and gives back the same function; dispatch and schema read them.
"""

import typing

_F = typing.TypeVar("_F", bound=typing.Callable[..., typing.Any])


def _mark(function: _F, **attributes: typing.Any) -> _F:
    for name, value in attributes.items():
        setattr(function, name, value)
    return function


class _MinGas:
    """A write method with a minimum of gas, from `@gl.public.write.min_gas(leader=..., validator=...)`."""

    def __init__(self, leader: int, validator: int) -> None:
        self._leader = leader
        self._validator = validator

    def __call__(self, function: _F, /) -> _F:
        """Let everyone call the method, with no value."""
        _mark(function, __gl_min_gas_leader__=self._leader, __gl_min_gas_validator__=self._validator)
        return _mark(function, __gl_public__=True, __gl_readonly__=False)

    def payable(self, function: _F, /) -> _F:
        """Let everyone call the method, with value too."""
        return _mark(self(function), __gl_payable__=True)


class _Write:
    """`@gl.public.write` and what follows it."""

    def __call__(self, function: _F, /) -> _F:
        """Let everyone call the method, with no value."""
        return _mark(function, __gl_public__=True, __gl_readonly__=False)

    def payable(self, function: _F, /) -> _F:
        """Let everyone call the method, with value too."""
        return _mark(self(function), __gl_payable__=True)

    def min_gas(self, *, leader: int, validator: int) -> _MinGas:
        """Ask for a minimum of gas. The result is a decorator, and has `.payable`."""
        return _MinGas(leader, validator)


class public:
    """Decorators of methods that other accounts call."""

    write: typing.Final = _Write()

    def __init__(self) -> None:
        raise TypeError("use @gl.public.view, @gl.public.write or @gl.public.write.payable")

    @staticmethod
    def view(function: _F, /) -> _F:
        """Let everyone call a method that changes nothing."""
        return _mark(function, __gl_public__=True, __gl_readonly__=True)


def private(function: _F, /) -> _F:
    """State that only the contract calls a method, which is so without this too."""
    return function
