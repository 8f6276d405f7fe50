"""Reads what people type for a transaction: arguments as JSON values, the contract's file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.calldata import Value

CONTRACT_BYTES_MAX: Final = 16 << 20
SHOWN_CHARS_MAX: Final = 80


def read_values(texts: Sequence[str]) -> list[Value]:
    """Read arguments: each is one JSON value."""
    return [_read_value(text) for text in texts]


def read_kwargs(text: str | None) -> dict[str, Value]:
    """Read keyword arguments."""
    value = {} if text is None else _read_value(text)
    if not isinstance(value, dict):
        raise UsageError(f"--kwargs wants one JSON object, not {text!r}")
    return value


def _read_value(text: str) -> Value:
    from genvm_replay import calldata
    from genvm_replay.calldata.jsonform import from_json_text

    try:
        value = from_json_text(text)
        calldata.encode(value)
    except RecursionError as error:
        raise UsageError(f"{text[:SHOWN_CHARS_MAX]!r}... is nested too deep") from error
    except (calldata.CalldataError, ValueError) as error:
        raise UsageError(f"{text[:SHOWN_CHARS_MAX]!r} ... has no calldata form: {error}") from error
    except UsageError as error:
        if re.match(r"--?[A-Za-z]", text):
            raise UsageError(f"there is no option {text!r}") from error
        if len(text) > SHOWN_CHARS_MAX:
            raise UsageError(
                f"not a JSON value with a calldata form: {text[:SHOWN_CHARS_MAX]!r}..."
            ) from error
        raise
    return value


def read_contract(path: Path) -> bytes:
    """Read a contract's code.

    Raises:
        UsageError: it is not there, not readable, no file, or larger than CONTRACT_BYTES_MAX.
    """
    try:
        with path.open("rb") as file:
            code = file.read(CONTRACT_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"can't read the contract {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    if len(code) > CONTRACT_BYTES_MAX:
        raise UsageError(f"{path} is larger than {CONTRACT_BYTES_MAX >> 20} MiB: no contract")
    return code
