"""The runs of one transaction as rounds: who led, who judged whom, and how. Read from the journal alone.

A leader without a parent opens round 0. A leader with one stands in the round after its parent's, and so do those who
judge that parent in the appeal; validators and syncing nodes stand in the round of their leader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..journal.source import RunSummary
from ..journal.store import Store
from ..journal.stored import StoredRun
from .reexecute import pins_that_differ
from .roles import RULES
from .votes import Vote, fingerprint_hash, result_hash, vote_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One run in the table of a transaction's rounds.

    Attributes:
        parent: root of the run that this one is about; None: it stands alone.
        name: of the run among those about the same parent; `` where it has none.
        leader_id: that run; None also where it is not in this journal.
        fingerprint: BLAKE3 of an error's fingerprint.
        other_pins: names of pinned parts that are not those of the leader's run.
    """

    round: int
    run_id: int
    role: str
    name: str
    parent: bytes | None
    leader_id: int | None
    vote: Vote
    kind: str
    payload: bytes
    result_hash: bytes
    storage_hash: bytes
    fingerprint: bytes | None
    other_pins: tuple[str, ...]


def verdicts(store: Store, runs: Sequence[RunSummary]) -> list[Verdict]:
    """The table of all runs of a transaction, by round and run.

    Args:
        runs: all of them, in any order. Where several have the root that a run calls its parent, the oldest is meant.

    Raises:
        JournalDamaged, PayloadRedacted: one of the records can't be read.
    """
    stored = {summary.id: store.load_run(summary.id) for summary in sorted(runs, key=lambda one: one.id)}
    by_root: dict[bytes | None, int] = {}
    for run_id, run in stored.items():
        by_root.setdefault(run.root, run_id)
    leaders = {run_id: by_root.get(run.header.parent) for run_id, run in stored.items()}
    told = [_verdict(run_id, stored, leaders) for run_id in stored]
    return sorted(told, key=lambda one: (one.round, one.run_id))


def _verdict(run_id: int, stored: Mapping[int, StoredRun], leaders: Mapping[int, int | None]) -> Verdict:
    run, leader_id = stored[run_id], leaders[run_id]
    leader = None if leader_id is None else stored[leader_id]
    return Verdict(
        round=_round_of(run_id, stored, leaders),
        run_id=run_id,
        role=run.header.role,
        name=run.header.name,
        parent=run.header.parent,
        leader_id=leader_id,
        vote=Vote(word=None) if leader is None else vote_of(run, leader),
        kind=run.footer.kind,
        payload=run.footer.payload,
        result_hash=result_hash(run.footer),
        storage_hash=run.footer.storage_hash,
        fingerprint=fingerprint_hash(run),
        other_pins=() if leader is None else tuple(pins_that_differ(leader.header.pins, run.header.pins)),
    )


def _round_of(run_id: int, stored: Mapping[int, StoredRun], leaders: Mapping[int, int | None]) -> int:
    """How many runs opened a round from the first leader to this one. A root can't name itself, so there is an end."""
    number = 0
    while (leader_id := leaders[run_id]) is not None:
        number += RULES[stored[run_id].header.role].opens_round
        run_id = leader_id
    return number


def leader_to_judge(store: Store, runs: Sequence[RunSummary], run_id: int | None) -> StoredRun:
    """The leader's run that a new run is about: the one asked for, else the newest.

    Raises:
        UsageError: it is no leader's run of this transaction, or there is none.
    """
    leaders = {run.id: run for run in runs if run.role == "leader"}
    if run_id is not None and run_id not in leaders:
        known = ", ".join(map(str, sorted(leaders))) or "none"
        raise UsageError(f"run {run_id} is no leader's run of this transaction; these are: {known}")
    if not leaders:
        raise UsageError("the journal has no leader's run of this transaction")
    return store.load_run(run_id if run_id is not None else max(leaders))
