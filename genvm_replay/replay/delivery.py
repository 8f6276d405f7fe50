"""Carrying out the messages and deployments that a transaction sent, as transactions of their own.

A network carries out a message once its transaction is accepted or final. A local transaction is both at once, so what
is left of that is the order: everything that waits for acceptance goes first, that of later transactions too, and what
waits for finality after it. Each kind in the order in which it was sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from ..host_bridge.local_host import Outgoing
from ..journal.events import EthSend
from .local_node import LocalNode, Recorded

DELIVERIES_MAX: Final = 64  # that one transaction leads to, directly or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one message.

    Attributes:
        parent: the transaction that sent it.
        recorded: its own transaction, which may have failed; None: it was not carried out.
        refusal: why it was not.
    """

    parent: Recorded
    sent: Outgoing
    recorded: Recorded | None = None
    refusal: str = ""


def deliver_all(node: LocalNode, first: Recorded) -> Iterator[Delivery]:
    """Carry out what `first` sent, then what that sent, and so on. Transactions for Ethereum are not for us."""
    queues: dict[str, deque[tuple[Recorded, int]]] = {"accepted": deque(), "finalized": deque()}
    count = 0

    def enqueue(parent: Recorded) -> None:
        for number, sent in enumerate(parent.messages):
            if not isinstance(sent, EthSend):
                queues[sent.on].append((parent, number))

    enqueue(first)
    while waiting := queues["accepted"] or queues["finalized"]:
        parent, number = waiting.popleft()
        sent = parent.messages[number]
        assert not isinstance(sent, EthSend)
        count += 1
        if count > DELIVERIES_MAX:
            left = f"one transaction leads to at most {DELIVERIES_MAX} others here"
            yield Delivery(parent=parent, sent=sent, refusal=left)
            continue
        try:
            recorded = node.deliver(sent, parent, number)
        except UsageError as error:
            yield Delivery(parent=parent, sent=sent, refusal=str(error))
            continue
        enqueue(recorded)
        yield Delivery(parent=parent, sent=sent, recorded=recorded)
