"""What a module says back, as calldata (spec/manager-modules.md 1.3). Pure.

    {"Ok": value} | {"UserError": {"causes": [...], "ctx": {...}}} | {"FatalError": JSON text}

An executor that asked for attempts (`hello.attempts`) gets them beside it, under the key ATTEMPTS.

Calldata has whole numbers only. A number with a fraction, which JSON and Lua may give, becomes the shortest decimal
text that reads back as the same double (Python's `repr`: `0.1`, `1e+22`, `nan`, `inf`); a double that is a whole number
within +-(2^53 - 1) becomes that number. In user errors, whose numbers go through doubles, larger whole numbers become
their decimal text. A lone surrogate in a text, which JSON may give too, becomes `?`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from .. import calldata
from ..calldata import Address, Value, to_text
from ..calldata.binary import DEPTH_MAX
from ..host_bridge.modules import ATTEMPTS, ATTEMPTS_MAX, FACTS, RAW
from .errors import ModuleError

DOUBLE_MAX: Final = 2**53 - 1
INNER_DEPTH_MAX: Final = DEPTH_MAX - 4  # of a value inside a reply


def ok(value: object) -> dict[str, Value]:
    """The answer to a request.

    Raises:
        ModuleError: fatal, `ANSWER_NO_CALLDATA`: what the module gave has no calldata form.
    """
    return {"Ok": exact(value)}


def failed(error: ModuleError) -> dict[str, Value]:
    """A failure that the contract may catch, or one that ends its run."""
    if error.fatal:
        return {"FatalError": error.to_text()}
    try:
        ctx = exact(error.ctx, DOUBLE_MAX)
    except ModuleError as off:
        return {"FatalError": ModuleError(*off.causes, *error.causes, fatal=True).to_text()}
    return {"UserError": {"causes": list(error.causes), "ctx": ctx}}


def broken(error: BaseException) -> dict[str, Value]:
    """An exception that nobody expected: its type only, because its text could hold anything, a key too."""
    return failed(ModuleError("INTERNAL", type(error).__name__, fatal=True))


def encode(
    reply: Mapping[str, Value],
    attempts: Sequence[Mapping[str, Value]] | None,
    bytes_max: int,
    *,
    keep_raw: bool = False,
) -> bytes:
    """The frame of a reply.

    Args:
        attempts: None: the executor did not ask for them.
        bytes_max: what would be larger goes out without what the providers said, then without attempts, then as a
            fatal error.
        keep_raw: it asked for what the providers said, too.
    """
    frame = calldata.encode(reply)
    if len(frame) > bytes_max:
        facts = {"size": len(frame), "size_max": bytes_max}
        return calldata.encode(failed(ModuleError("ANSWER_TOO_LARGE", fatal=True, ctx=facts)))
    if not attempts:
        return frame
    told = [_flat(one) for one in attempts[:ATTEMPTS_MAX]]
    bare = [{name: value for name, value in one.items() if name != RAW} for one in told]
    for beside in (told, bare) if keep_raw else (bare,):
        whole = calldata.encode({**reply, ATTEMPTS: beside})
        if len(whole) <= bytes_max:
            return whole
    return frame


def exact(value: object, whole_max: int | None = None, depth: int = INNER_DEPTH_MAX) -> Value:
    """A value as calldata can carry it; numbers as the head of this file says.

    Args:
        whole_max: larger whole numbers become text; None: none does.

    Raises:
        ModuleError: fatal, `ANSWER_NO_CALLDATA`: something else than None, booleans, numbers, text, bytes, addresses,
            lists, and maps whose keys are text; or nested too deep.
    """
    if depth == 0:
        raise ModuleError("ANSWER_NO_CALLDATA", "too deep", fatal=True)
    match value:
        case None | bool() | bytes() | Address():
            return value
        case str():
            return _text(value)
        case int():
            return value if whole_max is None or abs(value) <= whole_max else str(value)
        case float():
            whole = value.is_integer() and abs(value) <= DOUBLE_MAX
            return int(value) if whole else repr(value)
        case Mapping():
            return {_key(key): exact(inner, whole_max, depth - 1) for key, inner in value.items()}
        case bytearray() | memoryview():
            return bytes(value)
        case Sequence():
            return [exact(inner, whole_max, depth - 1) for inner in value]
        case _:
            raise ModuleError("ANSWER_NO_CALLDATA", type(value).__name__, fatal=True)


def _flat(attempt: Mapping[str, object]) -> dict[str, Value]:
    """An attempt; what is no single fact becomes its text."""
    found: dict[str, Value] = {}
    for name, value in attempt.items():
        try:
            told = exact(value)
        except ModuleError:
            told = type(value).__name__
        found[_text(name)] = told if told is None or isinstance(told, FACTS) else to_text(told)
    return found


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise ModuleError("ANSWER_NO_CALLDATA", f"a key of {type(key).__name__}", fatal=True)
    return _text(key)


def _text(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
