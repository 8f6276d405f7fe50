"""What a model said, in the form that a contract gets (spec/manager-modules.md 2.3).

**Numbers.** Calldata has no fractions. A number that is whole is an integer, however it is written (`1.0`, `2e3`);
any other is text: its decimal digits without an exponent and without zeros at the end, so `0.70` and `7e-1` are
both `"0.7"`. A number whose exponent leaves -EXPONENT_MAX ... EXPONENT_MAX is text as the model wrote it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, TypeAlias

from ...calldata import Value
from ..errors import ModuleError
from .completer import complete

log = logging.getLogger(__name__)

Format: TypeAlias = Literal["text", "json", "bool"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json", "bool")
OPENING_FENCE: Final = re.compile(r"```(?:json)?")
EXPONENT_MAX: Final = 400
DEPTH_MAX: Final = 60
"""Below the 64 that Lua is given, and the 128 that calldata carries: the answer itself lies in a map."""


def to_data(content: str | Mapping[str, Any] | None, response_format: Format) -> Value:
    """Bring an answer into a form: text as it is, json a map, bool the field `result` of one, false without it.

    Raises:
        ModuleError: `ANSWER_NOT_JSON`: no map could be read from it.
    """
    if content is None:  # a limit on length left nothing
        content = ""
    content = _whole_text(content) if isinstance(content, str) else content
    if response_format == "text":
        return content if isinstance(content, str) else _whole_text(json.dumps(content, ensure_ascii=False))
    answer: dict[str, Value] = _read_map(content) if isinstance(content, str) else _carried(content, 0)
    if response_format == "json":
        return answer
    result = answer.get("result")
    if not isinstance(result, bool):
        log.warning("an answer has no boolean result: taken as false")
        return False
    return result


def _read_map(text: str) -> dict[str, Value]:
    inner = OPENING_FENCE.sub("", text.strip(), count=1) if text.strip().startswith("```") else text.strip()
    inner = inner.removesuffix("```").strip()
    try:
        answer = json.loads(
            complete(inner), strict=False, parse_float=_number, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise _not_json(str(error), text) from error
    if not isinstance(answer, dict):
        raise _not_json("a map is wanted", text)
    carried: dict[str, Value] = _carried(answer, 0)
    return carried


def _carried(value: Any, depth: int) -> Any:
    """A value of JSON as calldata can carry it."""
    if depth > DEPTH_MAX:
        raise _not_json(f"nested deeper than {DEPTH_MAX}", "")
    match value:
        case dict():
            return {_whole_text(key): _carried(item, depth + 1) for key, item in value.items()}
        case list():
            return [_carried(item, depth + 1) for item in value]
        case str():
            return _whole_text(value)
        case float():
            return _number(repr(value))
    return value


def _number(text: str) -> int | str:
    try:
        number = Decimal(text)
    except InvalidOperation:  # its exponent is beyond what Decimal counts
        return text
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > EXPONENT_MAX or abs(number.adjusted()) > EXPONENT_MAX:
        return text
    if number == number.to_integral_value():
        return int(number)
    return format(number, "f").rstrip("0")


def _whole_text(text: str) -> str:
    """Text without halves of surrogate pairs: UTF-8 has no place for them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _not_json(reason: str, text: str) -> ModuleError:
    return ModuleError("ANSWER_NOT_JSON", fatal=True, ctx={"reason": reason[:200], "answer": text[:500]})
