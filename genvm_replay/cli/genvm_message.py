"""The JSON arguments of `genvm run`: the message, the host data, the permissions (spec/executor.md 1.4, 1.5)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

from ..errors import UsageError
from ..executor.moment import format_datetime, parse_datetime
from ..journal.run import Message

DEFAULT_MOMENT: Final = "2024-11-26T06:42:42.424242Z"
LETTERS: Final = frozenset("rwscn")
CHAIN_ID: Final = re.compile(r"-?[0-9]{1,100}")
VALUE_MAX: Final = 2**64 - 1


def read_message(text: str) -> Message:
    """Read `--message`. Unknown keys are ignored.

    Raises:
        UsageError: no JSON object, or a field is missing or malformed.
    """
    fields = _object(text, "--message")
    chain_id = fields.get("chain_id")
    if not isinstance(chain_id, str) or not CHAIN_ID.fullmatch(chain_id):
        raise UsageError("--message: chain_id is a decimal number in a string")
    value = fields.get("value") or 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= VALUE_MAX:
        raise UsageError("--message: value is null or a number of 64 bits")
    if not isinstance(fields.get("is_init"), bool):
        raise UsageError("--message: is_init is true or false")
    moment = fields.get("datetime", DEFAULT_MOMENT)
    return Message(
        contract_address=_address(fields, "contract_address"),
        sender_address=_address(fields, "sender_address"),
        origin_address=_address(fields, "origin_address"),
        chain_id=chain_id,
        value=value,
        is_init=fields["is_init"],
        datetime=format_datetime(parse_datetime(str(moment))),
    )


def _address(fields: dict[str, Any], name: str) -> bytes:
    try:
        raw = base64.b64decode(fields.get(name) or "", validate=True)
    except (TypeError, ValueError, binascii.Error):
        raw = b""
    if len(raw) != 20:
        raise UsageError(f"--message: {name} is the base64 text of 20 bytes")
    return raw


def read_host_data(text: str) -> dict[str, Any]:
    """Read `--host-data`: an object with the texts `node_address` and `tx_id`; other keys are kept.

    Raises:
        UsageError: anything else.
    """
    fields = _object(text, "--host-data")
    for name in ("node_address", "tx_id"):
        if not isinstance(fields.get(name), str):
            raise UsageError(f"--host-data: {name} is missing or no string")
    return fields


def read_permissions(text: str) -> str:
    """Read `--permissions`: letters of rwscn, none twice, nothing else.

    Raises:
        UsageError: anything else.
    """
    if len(text) != len(set(text) & LETTERS):
        raise UsageError(f"--permissions: {text!r} is not a choice of the letters rwscn")
    return text


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{option}: not a JSON object")
    return value
