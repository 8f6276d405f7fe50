"""What a VM finds on descriptor 0: one calldata map that describes its call (spec/executor.md 5.1)."""

from __future__ import annotations

from .. import calldata
from ..calldata import Address, Value
from .vm_plan import VmPlan


def stdin_of(plan: VmPlan) -> bytes:
    """Encode the description of a call."""
    message = plan.message
    fields: dict[str, Value] = {
        "chain_id": int(message.chain_id),
        "contract_address": Address(message.contract_address),
        "datetime": message.datetime,
        "entry_data": plan.entry_data,
        "entry_kind": plan.entry_kind,
        "entry_stage_data": plan.entry_stage_data,
        "is_init": message.is_init,
        "origin_address": Address(message.origin_address),
        "sender_address": Address(message.sender_address),
        "stack": [Address(address) for address in plan.stack],
        "value": message.value,
    }
    return calldata.encode(fields)
