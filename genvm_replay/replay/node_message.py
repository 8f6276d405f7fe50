"""What a node says of a transaction: the message, the host data, the permissions (spec/executor.md 1.4, 1.5)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ..errors import UsageError
from ..executor.moment import format_datetime, parse_datetime
from ..journal.run import Message

DEFAULT_MOMENT: Final = "2024-11-26T06:42:42.424242Z"
LETTERS: Final = frozenset("rwscn")
CHAIN_ID: Final = re.compile(r"-?[0-9]{1,100}")
VALUE_MAX: Final = 2**64 - 1


def read_message(text: str) -> Message:
    """Read `--message`; raises as `message_of` does."""
    return message_of(_object(text, "--message"), "--message")


def message_of(fields: Mapping[str, Any], name: str) -> Message:
    """Read a message in its JSON form. Unknown keys are ignored.

    Args:
        name: of what holds it, for errors.

    Raises:
        UsageError: a field is missing or malformed.
    """
    chain_id = fields.get("chain_id")
    if not isinstance(chain_id, str) or not CHAIN_ID.fullmatch(chain_id):
        raise UsageError(f"{name}: chain_id is a decimal number in a string")
    value = fields.get("value")
    value = 0 if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= VALUE_MAX:
        raise UsageError(f"{name}: value is null or a number of 64 bits")
    if not isinstance(fields.get("is_init"), bool):
        raise UsageError(f"{name}: is_init is true or false")
    moment = fields.get("datetime", DEFAULT_MOMENT)
    return Message(
        contract_address=_address(fields, name, "contract_address"),
        sender_address=_address(fields, name, "sender_address"),
        origin_address=_address(fields, name, "origin_address"),
        chain_id=chain_id,
        value=value,
        is_init=fields["is_init"],
        datetime=format_datetime(parse_datetime(str(moment))),
    )


def _address(fields: Mapping[str, Any], place: str, name: str) -> bytes:
    try:
        raw = base64.b64decode(fields.get(name) or "", validate=True)
    except (TypeError, ValueError, binascii.Error):
        raw = b""
    if len(raw) != 20:
        raise UsageError(f"{place}: {name} is the base64 text of 20 bytes")
    return raw


def read_host_data(text: str) -> dict[str, Any]:
    """Read `--host-data`; raises as `host_data_of` does."""
    return host_data_of(_object(text, "--host-data"), "--host-data")


def host_data_of(fields: dict[str, Any], place: str) -> dict[str, Any]:
    """Check host data: an object with the texts `node_address` and `tx_id`; other keys are kept.

    Raises:
        UsageError: anything else.
    """
    for name in ("node_address", "tx_id"):
        if not isinstance(fields.get(name), str):
            raise UsageError(f"{place}: {name} is missing or no string")
    return fields


def read_permissions(text: str, place: str = "--permissions") -> str:
    """Read permissions: letters of rwscn, none twice, nothing else.

    Raises:
        UsageError: anything else.
    """
    if len(text) != len(set(text) & LETTERS):
        raise UsageError(f"{place}: {text!r} is not a choice of the letters rwscn")
    return text


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{option}: not a JSON object")
    return value
