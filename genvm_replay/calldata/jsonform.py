"""Calldata as JSON: what people type as arguments and what `--json` prints.

JSON has no addresses and no bytes, so these two are written as one-key objects: `{"$address": "0x..."}` and
`{"$bytes": "hex"}`. Integers of any size stay integers. Fractions have no calldata form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..errors import UsageError
from .types import Address, Value

ADDRESS_KEY = "$address"
BYTES_KEY = "$bytes"
SHOWN_MAX = 80  # characters of a bad text that an error repeats


def from_json_text(text: str) -> Value:
    """Read one JSON value as calldata.

    Raises:
        UsageError: no JSON, a fraction, or a malformed `$address` / `$bytes` object.
    """
    try:
        parsed = json.loads(text, parse_float=_no_fraction, parse_constant=_no_fraction)
    except (json.JSONDecodeError, RecursionError) as error:
        hint = f"; for a string write '\"{text}\"'" if text.isidentifier() else ""
        raise UsageError(f"not a JSON value: {text!r} ({error}){hint}") from error
    return from_json(parsed)


def _no_fraction(text: str) -> Any:
    raise UsageError(f"{text} has no calldata form: calldata has integers, no fractions")


def from_json(value: Any) -> Value:
    """Turn parsed JSON into calldata; see the module's docstring for `$address` and `$bytes`."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return cast(Value, value)
    if value.keys() == {ADDRESS_KEY}:
        return Address.parse(str(value[ADDRESS_KEY]))
    if value.keys() == {BYTES_KEY}:
        try:
            return bytes.fromhex(str(value[BYTES_KEY]).removeprefix("0x"))
        except ValueError as error:
            raise UsageError(f"{BYTES_KEY} wants hex digits, not {value[BYTES_KEY]!r}") from error
    return {key: from_json(item) for key, item in value.items()}


def to_json(value: Value) -> Any:
    """The reverse of `from_json`, ready for `json.dumps`."""
    if isinstance(value, (bytes, bytearray)):
        return {BYTES_KEY: value.hex()}
    if isinstance(value, Address):
        return {ADDRESS_KEY: value.checksummed}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [to_json(item) for item in value]
    return value
