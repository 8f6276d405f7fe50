"""What a run comes to, of a record or of a supposed run: result, storage, what it sent, a validator's vote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import JournalError
from ..executor.effects.supposing import Supposing
from ..executor.storage_delta import StorageDelta
from ..executor.transaction import RunReport
from ..host_bridge.local_host import Outgoing
from ..journal.events import NotifyNondetDisagreement, PostEvent, StorageWrite
from ..journal.run import ResultKind
from ..journal.stored import StoredRun
from .field_values import Stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a run comes to.

    Attributes:
        kind, payload: as in the footer of a run.
        storage_hash: of what was written, whether the result lets it stand or not.
        written: the same as maximal stretches.
        sent: messages, deployments and transactions for Ethereum, in order.
        emitted: events, in order.
        disagreement: the first nondeterministic block that a validator rejects.
    """

    kind: ResultKind
    payload: bytes
    storage_hash: bytes
    written: tuple[Stretch, ...]
    sent: tuple[Outgoing, ...]
    emitted: tuple[PostEvent, ...]
    disagreement: int | None

    def differences(self, other: Effect) -> tuple[str, ...]:
        """Names of what differs: `result`, `storage`, `messages`, `events`, `vote`."""
        rows = {
            "result": ((self.kind, self.payload), (other.kind, other.payload)),
            "storage": (self.storage_hash, other.storage_hash),
            "messages": (self.sent, other.sent),
            "events": (self.emitted, other.emitted),
            "vote": (self.disagreement, other.disagreement),
        }
        return tuple(name for name, (one, another) in rows.items() if one != another)


def recorded_effect(run: StoredRun) -> Effect:
    """What a recorded run came to.

    Raises:
        JournalError: its events and its footer do not belong together.
    """
    delta, disagreement = StorageDelta(), None
    sent: list[Outgoing] = []
    emitted: list[PostEvent] = []
    for event in run.read_line("main"):
        request = event.request
        if event.answer.error:
            continue
        if isinstance(request, StorageWrite):
            delta.write(request.slot, request.index, request.data)
        elif isinstance(request, PostEvent):
            emitted.append(request)
        elif isinstance(request, Outgoing):
            sent.append(request)
        elif isinstance(request, NotifyNondetDisagreement):
            disagreement = request.call_no
    footer = run.footer
    if delta.hash() != footer.storage_hash:
        raise JournalError("what the run wrote is not what its footer says; `replay` tells more")
    return Effect(
        kind=footer.kind,
        payload=footer.payload,
        storage_hash=footer.storage_hash,
        written=tuple(delta.runs()),
        sent=tuple(sent),
        emitted=tuple(emitted),
        disagreement=disagreement,
    )


def supposed_effect(report: RunReport, door: Supposing) -> Effect:
    """What a supposed run came to."""
    return Effect(
        kind=report.outcome.kind,
        payload=report.outcome.payload,
        storage_hash=report.storage_hash,
        written=tuple(door.delta.runs()),
        sent=tuple(door.sent),
        emitted=tuple(door.emitted),
        disagreement=report.disagreement,
    )


def delta_of(written: Iterable[Stretch]) -> StorageDelta:
    """Stretches as what a run writes."""
    delta = StorageDelta()
    for slot, offset, data in written:
        delta.write(slot, offset, data)
    return delta
