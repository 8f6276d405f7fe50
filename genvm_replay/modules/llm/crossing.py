"""Answers that went through Lua and came back.

Lua has no null, one kind of table, and integers of 64 bits: `{"a": null, "b": []}` comes back as an empty table. So
what a script returns is compared with what the models answered, as far as Lua can tell them apart. An answer that
comes back as it went in is the answer itself; anything else is the script's own and is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ...calldata import Value
from ..errors import ModuleError
from ..lua.values import in_64_bits
from .answers import to_data

SMALL = 1 << 63


def restore(returned: Any, answers: Iterable[Value]) -> Any:
    """The answer that the returned value was, or the value."""
    seen = _as_lua(returned)
    for answer in answers:
        if _as_lua(answer) == seen:
            return answer
    return returned


def read_result(
    result: Any, answers: Iterable[Value], kind: Literal["text", "json", "bool"]
) -> dict[str, Value]:
    """What `ExecPrompt` and `ExecPromptTemplate` return (spec/manager-modules.md 5.2): `data` and `consumed_gen`.

    Raises:
        ModuleError: `SCRIPT_RESULT`, fatal: it is something else.
    """
    if not isinstance(result, Mapping):
        raise _bad("a table with data and consumed_gen is wanted")
    consumed = result.get("consumed_gen")
    if isinstance(consumed, float) and consumed.is_integer():
        consumed = int(consumed)
    if not isinstance(consumed, int) or isinstance(consumed, bool) or not 0 <= consumed < SMALL:
        raise _bad("consumed_gen: a whole number in 0 ... 2^63 - 1 is wanted")
    data = restore(result.get("data"), answers)
    if kind == "json":
        data = {} if data == [] else data
        if not isinstance(data, Mapping):
            raise _bad("data: a table with names is wanted")
        return {"data": to_data(data, "json"), "consumed_gen": consumed}
    if isinstance(data, bytes):
        data = data.decode("utf-8", "replace")
    if not isinstance(data, str if kind == "text" else bool):
        raise _bad("data: a string is wanted" if kind == "text" else "data: a boolean is wanted")
    return {"data": data, "consumed_gen": consumed}


def _as_lua(value: Any) -> Any:
    """A value reduced to what Lua keeps of it."""
    match value:
        case bool():
            return ("boolean", value)
        case int():
            return in_64_bits(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case Mapping():
            return {_as_lua(key): _as_lua(item) for key, item in value.items() if item is not None}
        case list():
            return {index: _as_lua(item) for index, item in enumerate(value, 1) if item is not None}
    return value


def _bad(reason: str) -> ModuleError:
    return ModuleError("SCRIPT_RESULT", fatal=True, ctx={"reason": reason})
