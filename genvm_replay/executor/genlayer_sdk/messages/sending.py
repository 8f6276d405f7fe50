"""What a contract sends away: messages, deployments, Ethereum transactions, events (spec/executor.md 4.2).

All need a deterministic VM; all but events need the right to send. A message can't take more than the contract owns,
less what this VM has sent before; what was sent counts only when the host took it.
"""

from __future__ import annotations

from typing import Final

from .... import calldata
from ....calldata import Value
from ....journal.events import AnyRequest, DeployContract, EthSend, PostEvent, PostMessage
from ...guest import Guest
from ..asking import ask
from ..balances import balance_of
from ..errno import Errno
from .payload import Refused, address, anything, fields, listed, mapped, raw, u256, word

EVENTS_SINCE: Final = (0, 1, 5)
TOPICS_MAX: Final = 4
TOPIC_SIZE: Final = 32
ON: Final = word("finalized", "accepted")


def post_message(guest: Guest, payload: Value) -> bytes | None:
    """Send a message to another contract."""
    got = fields(payload, {"address": address, "calldata": anything, "value": u256, "on": ON})
    call = calldata.encode(got["calldata"])
    _send(guest, got["value"], PostMessage(got["address"], call, wide(got["value"]), got["on"]))
    return None


def deploy_contract(guest: Guest, payload: Value) -> bytes | None:
    """Deploy a contract."""
    readers = {"calldata": anything, "code": raw, "value": u256, "on": ON, "salt_nonce": u256}
    got = fields(payload, readers)
    call = calldata.encode(got["calldata"])
    request = DeployContract(call, got["code"], wide(got["value"]), got["on"], wide(got["salt_nonce"]))
    _send(guest, got["value"], request)
    return None


def eth_send(guest: Guest, payload: Value) -> bytes | None:
    """Send an Ethereum transaction."""
    got = fields(payload, {"address": address, "calldata": raw, "value": u256})
    _send(guest, got["value"], EthSend(got["address"], got["calldata"], wide(got["value"])))
    return None


def _send(guest: Guest, value: int, request: AnyRequest) -> None:
    if not (guest.rights.deterministic and guest.rights.send_messages):
        raise Refused(Errno.FORBIDDEN)
    if value and value + guest.value_spent > balance_of(guest, guest.message.contract_address):
        raise Refused(Errno.INBALANCE)
    ask(guest.effects, request)
    guest.value_spent += value


def wide(value: int) -> bytes:
    """A 256-bit number as requests hold it: 32 bytes, little-endian."""
    return value.to_bytes(32, "little")


def emit_event(guest: Guest, payload: Value) -> bytes | None:
    """Emit an event: up to 4 topics of 32 bytes, and a map. Needs no right but a deterministic VM."""
    if guest.version < EVENTS_SINCE:
        raise Refused
    got = fields(payload, {"topics": listed(raw), "blob": mapped(anything)})
    if not guest.rights.deterministic:
        raise Refused(Errno.FORBIDDEN)
    topics = got["topics"]
    if len(topics) > TOPICS_MAX or any(len(topic) != TOPIC_SIZE for topic in topics):
        raise Refused
    ask(guest.effects, PostEvent(tuple(topics), calldata.encode(got["blob"])))
    return None
