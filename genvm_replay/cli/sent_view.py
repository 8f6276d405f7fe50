"""What a transaction sent and emitted: messages, deployments, Ethereum transactions, events; as JSON and for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from genvm_replay.cli.output import calldata_json, hexed, printable, short
from genvm_replay.errors import JournalDamaged, PayloadRedacted

SIZES: Final = {"address": 20, "value": 32, "salt_nonce": 32}

if TYPE_CHECKING:
    from genvm_replay.host_bridge.local_host import Outgoing
    from genvm_replay.journal.events import PostEvent
    from genvm_replay.journal.stored import StoredRun


def message_json(sent: Outgoing, sender: bytes) -> dict[str, Any]:
    """One message, deployment or Ethereum transaction; `sender` is the contract that sent it."""
    from genvm_replay.calldata import Address
    from genvm_replay.journal.events import DeployContract, EthSend
    from genvm_replay.replay.local_node import new_address

    told: dict[str, Any] = {"value": int.from_bytes(sent.value, "little")}
    if isinstance(sent, EthSend):
        return told | {
            "kind": "eth_send",
            "to": Address(sent.address).checksummed,
            "data": hexed(sent.calldata),
        }
    told |= {"call": calldata_json(sent.calldata), "on": sent.on}
    if isinstance(sent, DeployContract):
        salt = int.from_bytes(sent.salt_nonce, "little")
        address = Address(new_address(sender, salt)).checksummed if salt else None
        return told | {"kind": "deployment", "to": address, "code_bytes": len(sent.code)}
    return told | {"kind": "message", "to": Address(sent.address).checksummed}


def message_text(sent: Outgoing, sender: bytes) -> str:
    """The same on one line."""
    told = message_json(sent, sender)
    to = told["to"] or "an address of the node's choice"
    words = [f"{told['kind']} to {to}"]
    if "data" in told:
        words.append(f"data {short(bytes(sent.calldata))}" if sent.calldata else "")
    else:
        words.append(f"call {short(told['call'])}")
    words += [f"value {told['value']}" if told["value"] else "", f"on {told['on']}" if "on" in told else ""]
    return printable(", ".join(word for word in words if word))


def event_json(event: PostEvent) -> dict[str, Any]:
    """An event that the contract emitted."""
    return {"topics": [hexed(topic) for topic in event.topics], "blob": calldata_json(event.blob)}


def sent_json(messages: Iterable[Outgoing], emitted: Iterable[PostEvent], sender: bytes) -> dict[str, Any]:
    """Both, as they stand in the JSON of a transaction."""
    return {
        "messages": [message_json(sent, sender) for sent in messages],
        "emitted_events": [event_json(event) for event in emitted],
    }


def sent_lines(messages: Iterable[Outgoing], emitted: Iterable[PostEvent], sender: bytes) -> Iterator[str]:
    """Both for people, a line each."""
    for sent in messages:
        yield f"-> {message_text(sent, sender)}"
    for event in emitted:
        yield f"-> event {short(event_json(event)['blob'])}"


def sent_by(run: StoredRun) -> tuple[Sequence[Outgoing], Sequence[PostEvent]]:
    """What a recorded run sent and emitted: nothing if it failed, and a view emits nothing."""
    from genvm_replay.host_bridge.local_host import Outgoing
    from genvm_replay.journal.events import PostEvent

    if run.footer.kind != "return" or "main" not in [line.name for line in run.lines()]:
        return (), ()
    messages, emitted = [], []
    for seq, event in enumerate(run.read_shown("main")):
        if isinstance(event, PayloadRedacted) or event.answer.error:
            continue
        if isinstance(event.request, PostEvent):
            emitted.append(event.request)
        elif isinstance(event.request, Outgoing):
            _check_sizes(event.request, seq)
            messages.append(event.request)
    return messages, emitted if "w" in run.header.permissions else ()


def _check_sizes(sent: Outgoing, seq: int) -> None:
    """Check what a record of somebody else may have wrong.

    Raises:
        JournalDamaged: a field has another size than its type says.
    """
    for name, wanted in SIZES.items():
        size = len(getattr(sent, name, bytes(wanted)))
        if size != wanted:
            raise JournalDamaged("main", seq, name, f"{wanted} bytes", f"{size} bytes")
