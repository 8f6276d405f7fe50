"""The text form of calldata, for people and for debug output (spec/executor.md 3.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from .types import Address, Value


def to_text(value: Value) -> str:
    """`null`, `true`, decimals, JSON strings, `b#hex`, `addr#hex`, `[...]` and `{"k":...}` without spaces."""
    if isinstance(value, (bytes, bytearray)):
        return "b#" + value.hex()
    if isinstance(value, Address):
        return "addr#" + value.raw.hex()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(k)}:{to_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(map(to_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
