"""Names that contracts use although the SDK has none of them (spec/sdk.md sections 1.2, 10, 11)."""

from __future__ import annotations

import ast
from typing import Final

from .finding import Finding
from .module import ContractFile, dotted

ABSENT: Final = {
    "gl.block": "the transaction's time is gl.message_raw['datetime'] or datetime.now()",
    "gl.transfer": "gl.get_contract_at(address).emit_transfer(value=...)",
    "gl.http_fetch": "gl.nondet.web.get(url) inside a block",
    "gl.message.timestamp": "gl.message_raw['datetime']",
    "gl.message.block_timestamp": "gl.message_raw['datetime']",
    "gl.message.sender": "gl.message.sender_address",
    "gl.eq_principle.json_eq": "gl.eq_principle.strict_eq, with json.dumps(value, sort_keys=True) as the result",
}


def check_names(file: ContractFile) -> list[Finding]:
    """Look at every name that begins with `gl.`."""
    return [
        Finding.at(node, "name", f"there is no `{name}`", f"use {ABSENT[name]}")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Attribute) and (name := dotted(node)) in ABSENT
    ]
