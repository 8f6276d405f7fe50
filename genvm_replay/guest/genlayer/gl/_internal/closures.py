"""Functions on their way to another VM (sdk.md section 5.5).

What a contract's file or the SDK defines at its top travels by name, nested functions and classes by value, with all
that they capture. Pickles never leave the node: only the values that the functions return do.
"""

import functools
import pickle
import types
import typing

import cloudpickle  # type: ignore[import-not-found]  # the guest's

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

Function: typing.TypeAlias = typing.Callable[..., typing.Any]


def check(function: object, parameter: str) -> None:
    """Check that an argument is a function.

    Raises:
        TypeError: it is not.
    """
    if not callable(function):
        raise TypeError(
            f"`{parameter}` is a function, not {type(function).__name__} {function!r:.60}: give the function itself, "
            "it is called in another VM"
        )


def pack(function: Function, *bound: typing.Any) -> bytes:
    """Pack a function of the SDK with the author's functions and values as its first arguments.

    Raises:
        TypeError: something that they capture can't travel; the text names it.
    """
    try:
        data: bytes = cloudpickle.dumps(functools.partial(function, *bound) if bound else function)
    except Exception as error:
        raise TypeError(_why_not((function, *bound), error)) from None
    return data


def unpack(data: bytes) -> Function:
    """Unpack what `pack` gave."""
    function: Function = pickle.loads(data)
    return function


def _why_not(functions: tuple[typing.Any, ...], error: Exception) -> str:
    for function in functions:
        if not _travels(function):
            *_, (owner, name, value) = _path_to_culprit(function) or [(function, "", function)]
            what = (
                f"it uses `{name}`, a {type(value).__name__}" if name else f"it is a {type(owner).__name__}"
            )
            return (
                f"{describe(owner)} can't be sent to another VM: {what} ({error}). Capture plain values: read files, "
                "generators and the like into variables first"
            )
    return f"this can't be sent to another VM: {error}"


def _path_to_culprit(function: typing.Any) -> list[tuple[typing.Any, str, typing.Any]]:
    """From a function that does not travel to the innermost captured value that does not: (owner, name, value)."""
    path: list[tuple[typing.Any, str, typing.Any]] = []
    seen = {id(function)}
    while True:
        found = next(((n, v) for n, v in _captured(function) if id(v) not in seen and not _travels(v)), None)
        if found is None:
            return path
        path.append((function, *found))
        function = found[1]
        seen.add(id(function))


def _captured(function: typing.Any) -> "Iterator[tuple[str, typing.Any]]":
    """Names and values that a function brings along."""
    if isinstance(function, types.MethodType):
        yield "self", function.__self__
        function = function.__func__
    if isinstance(function, functools.partial):
        yield "func", function.func
        yield from ((f"argument {number}", value) for number, value in enumerate(function.args))
        yield from function.keywords.items()
    if not isinstance(function, types.FunctionType):
        return
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    yield from ((name, function.__globals__[name]) for name in code.co_names if name in function.__globals__)
    yield from ((f"default {number}", value) for number, value in enumerate(function.__defaults__ or ()))
    yield from (function.__kwdefaults__ or {}).items()


def _travels(value: object) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:
        return False
    return True


def describe(function: typing.Any) -> str:
    """Name the author's function inside what `pack` bound, and the line where it is."""
    while isinstance(function, functools.partial):
        function = function.args[0] if function.args else function.func
    name = getattr(function, "__qualname__", type(function).__name__)
    code = getattr(function, "__code__", None)
    return f"`{name}` ({code.co_filename}:{code.co_firstlineno})" if code else f"`{name}`"
