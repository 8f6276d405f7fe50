"""Nondeterministic blocks with a ready-made rule for when validators agree (sdk.md section 6.4)."""

import typing

from genlayer.gl._internal import closures, stages, templates
from genlayer.gl._internal.lazy_api import lazy_api
from genlayer.gl.vm import _block, run_nondet
from genlayer.py.types import Lazy

_T = typing.TypeVar("_T")

__all__ = ("prompt_comparative", "prompt_non_comparative", "strict_eq")


@lazy_api
def strict_eq(fn: typing.Callable[[], _T], /) -> Lazy[_T]:
    """Agree where `fn` ends in exactly the same way at every node: the same value, or the same error.

    Args:
        fn: without parameters; may use `gl.nondet`; returns calldata.

    Raises:
        UserError: as `fn` raised it.
    """
    closures.check(fn, "fn")
    return _block(closures.pack(stages.lead, fn), closures.pack(stages.judge_by_repeating, fn))


@lazy_api
def prompt_comparative(fn: typing.Callable[[], _T], principle: str) -> Lazy[_T]:
    """Let every node run `fn`, and a language model say whether its result is equivalent to the leader's.

    Args:
        fn: without parameters; may use `gl.nondet`; returns calldata.
        principle: what makes two results equivalent, in words.
    """
    closures.check(fn, "fn")
    _need_text(principle=principle)
    return run_nondet.lazy(fn, templates.Comparative(fn, principle))


@lazy_api
def prompt_non_comparative(input: typing.Callable[[], str] | str, *, task: str, criteria: str) -> Lazy[str]:
    """Let the leader's language model do a task, and those of the validators judge what it made.

    Args:
        input: what the task is about: text, or a function without parameters that gives it and may use `gl.nondet`.
        task: what to do with it, in words.
        criteria: what a good answer is like, in words.

    Returns:
        The answer of the leader's model.
    """
    if not isinstance(input, str):
        closures.check(input, "input")
    _need_text(task=task, criteria=criteria)
    judged = templates.NonComparative(input, task, criteria)
    return run_nondet.lazy(judged.lead, judged.judge)


def _need_text(**given: object) -> None:
    for name, value in given.items():
        if not isinstance(value, str):
            raise TypeError(f"`{name}` is text, not {type(value).__name__} {value!r:.60}")
