"""What a VM finds on descriptor 0: one calldata map that describes its call (spec/executor.md 5.1)."""

from __future__ import annotations

from typing import Final

from .. import calldata
from ..calldata import Address, Value
from ..journal.run import Message

ENTRY_MAIN: Final = 0


def stdin_of(
    message: Message, entry_data: bytes, *, entry_kind: int = ENTRY_MAIN, stack: tuple[bytes, ...] = ()
) -> bytes:
    """Encode the description of a call. `stack` holds the addresses of the contracts that called on the way here."""
    fields: dict[str, Value] = {
        "chain_id": int(message.chain_id),
        "contract_address": Address(message.contract_address),
        "datetime": message.datetime,
        "entry_data": entry_data,
        "entry_kind": entry_kind,
        "entry_stage_data": None,
        "is_init": message.is_init,
        "origin_address": Address(message.origin_address),
        "sender_address": Address(message.sender_address),
        "stack": [Address(address) for address in stack],
        "value": message.value,
    }
    return calldata.encode(fields)
