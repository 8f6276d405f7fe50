"""The body of `POST /genvm/run` as the API document describes it; `orders.py` reads it."""

from __future__ import annotations

from typing import Any, Final

from .operation import JSON
from .times import MOMENT_SCHEMA

CALLDATA: Final = "application/vnd.genvm.calldata"
BASE64: Final = "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
PORT: Final = "([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
LETTERS: Final = "r?w?s?c?n?"


def optional(schema: dict[str, Any]) -> dict[str, Any]:
    """A field that may be null, which means the same as if it were not there."""
    return {"anyOf": [schema, {"type": "null"}]}


ADDRESS: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^[A-Za-z0-9+/]{26}[AEIMQUYcgkosw048]=$",
    "description": "20 bytes in base64.",
}
BYTES: Final[dict[str, Any]] = {"type": "string", "pattern": f"^{BASE64}$", "contentEncoding": "base64"}
MESSAGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["contract_address", "sender_address", "origin_address", "chain_id", "is_init"],
    "properties": {
        "contract_address": ADDRESS,
        "sender_address": ADDRESS,
        "origin_address": ADDRESS,
        "chain_id": {"type": "string", "pattern": "^-?[0-9]{1,100}$"},
        "value": optional({"type": "integer", "minimum": 0, "maximum": (1 << 64) - 1}),
        "is_init": {"type": "boolean"},
        "datetime": MOMENT_SCHEMA,
    },
}
HOST_DATA: Final[dict[str, Any]] = {
    "description": "`node_address`, `tx_id` and what else the node adds; or the text of such an object.",
    "oneOf": [
        {
            "type": "object",
            "required": ["node_address", "tx_id"],
            "properties": {"node_address": {"type": "string"}, "tx_id": {"type": "string"}},
        },
        {
            "type": "string",
            "contentMediaType": JSON,
            "pattern": '^\\{"node_address": ?"\\w*", ?"tx_id": ?"\\w*"(, ?"\\w+": ?"\\w*")*\\}$',
        },
    ],
}
ORDER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["major", "message", "host", "host_data"],
    "properties": {
        "major": {"type": "integer", "minimum": 0, "maximum": 65535},
        "message": MESSAGE,
        "is_sync": optional({"type": "boolean", "description": "Follow the leader's results."}),
        "capture_output": optional({"type": "boolean"}),
        "max_execution_minutes": optional({"type": "number", "exclusiveMinimum": 0}),
        "deadline": optional(
            {"type": "number", "exclusiveMinimum": 0, "description": "Seconds; counts more."}
        ),
        "host_data": HOST_DATA,
        "timestamp": optional(MOMENT_SCHEMA),
        "host": {
            "type": "string",
            "pattern": f"^(unix://[!-~]{{1,100}}|([A-Za-z0-9.-]{{1,60}}|\\[[0-9a-f:]{{2,39}}\\]):{PORT})$",
            "description": "`unix://PATH` or `HOST:PORT`: where the node waits.",
        },
        "extra_args": optional(
            {
                "type": "array",
                "maxItems": 64,
                "description": "Of the executor's command line; no others are passed on.",
                "items": {
                    "type": "string",
                    "pattern": f"^--(debug-mode|allow-latest|sync|permissions={LETTERS})$",
                },
            }
        ),
        "calldata": optional(BYTES),
        "code": optional(BYTES),
        "host_genvm_id": optional({"type": "string", "pattern": "^[^\\x00]+$", "maxLength": 200}),
        "permissions": optional({"type": "string", "pattern": f"^{LETTERS}$"}),
        "debug_mode": optional({"type": "boolean"}),
        "leader_nondet_results": optional({"type": "array", "items": BYTES, "maxItems": 4096}),
        "storage_pages": optional({"type": "integer", "minimum": 0, "maximum": (1 << 64) - 1}),
    },
}
ORDER_BODY: Final = {
    JSON: ORDER,
    CALLDATA: {
        "type": "string",
        "format": "binary",
        "description": "A calldata map with the same names; `calldata` and `code` are bytes.",
    },
}
