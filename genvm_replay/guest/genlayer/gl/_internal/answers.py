"""What the web and the language models answer (sdk.md section 6.1)."""

import typing

from genlayer.gl._internal.gl_call import ask
from genlayer.py import calldata
from genlayer.py.types import Lazy

_T = typing.TypeVar("_T")


class NondetException(Exception):
    """A page or a model did not give what was asked for; the argument says why, usually a map with `causes`."""


def ask_module(
    request: dict[str, typing.Any], read: typing.Callable[[typing.Any], _T] = lambda value: value
) -> Lazy[_T]:
    """Send a request for the web or a model; `read` makes the author's value of the answer.

    Raises:
        NondetException: from `get`: the answer is an error.
    """
    return ask(request, lambda data: read(_unwrap(calldata.decode(data))))


def _unwrap(answer: dict[str, typing.Any]) -> typing.Any:
    if error := answer.get("error"):
        raise NondetException(error)
    return answer["ok"]
