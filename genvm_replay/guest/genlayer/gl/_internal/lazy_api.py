"""Functions that can be called in two ways: `f(...)` waits for the value, `f.lazy(...)` gives a `Lazy` (sdk.md 1.3).

Either way the host carries the request out at once; only reading the answer is put off.
"""

import functools
import typing

from genlayer.py.types import Lazy

_P = typing.ParamSpec("_P")
_T = typing.TypeVar("_T")


class LazyApi(typing.Protocol[_P, _T]):
    """A function with a lazy form of the same parameters."""

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...

    def lazy(self, *args: _P.args, **kwargs: _P.kwargs) -> Lazy[_T]: ...


def lazy_api(lazy: typing.Callable[_P, Lazy[_T]], /) -> LazyApi[_P, _T]:
    """Make both forms of a function that is written in its lazy form."""

    @functools.wraps(lazy)
    def eager(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return lazy(*args, **kwargs).get()

    del eager.__wrapped__  # its result is another one
    lazy.__qualname__ += ".lazy"  # so that a pickle finds it
    eager.lazy = lazy  # type: ignore[attr-defined]
    return typing.cast("LazyApi[_P, _T]", eager)
