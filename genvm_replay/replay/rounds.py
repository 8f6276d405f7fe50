"""The runs of one transaction as rounds: who led, who judged whom, and how. Read from the journal alone.

A leader without a parent opens round 0. A leader with one stands in the round after its parent's, and so do those who
judge that parent in the appeal; validators and syncing nodes stand in the round of their leader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from ..journal.source import RunSummary
from ..journal.store import Store
from ..journal.stored import StoredRun
from .reexecute import pins_that_differ
from .roles import OPENERS
from .votes import Vote, fingerprint_hash, result_hash, vote_of

ROUNDS_MAX: Final = 1_000  # parents above each other; more is an attack, not an appeal


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One run in the table of a transaction's rounds.

    Attributes:
        leader_id: the run that this one is about; None: it stands alone.
        fingerprint: BLAKE3 of an error's fingerprint.
        other_pins: names of pinned parts that are not those of the leader's run.
    """

    round: int
    run_id: int
    role: str
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
        runs: all of them, in any order.

    Raises:
        JournalDamaged, PayloadRedacted: one of the records can't be read.
    """
    by_id = {run.id: run for run in runs}
    told = [verdict(store, run, round_of(run, by_id)) for run in runs]
    return sorted(told, key=lambda one: (one.round, one.run_id))


def verdict(store: Store, summary: RunSummary, number: int) -> Verdict:
    """The row of one run."""
    run = store.load_run(summary.id)
    leader = None if summary.parent_id is None else store.load_run(summary.parent_id)
    return Verdict(
        round=number,
        run_id=summary.id,
        role=run.header.role,
        leader_id=summary.parent_id,
        vote=Vote(word=None) if leader is None else vote_of(run, leader),
        kind=run.footer.kind,
        payload=run.footer.payload,
        result_hash=result_hash(run.footer),
        storage_hash=run.footer.storage_hash,
        fingerprint=fingerprint_hash(run),
        other_pins=() if leader is None else tuple(pins_that_differ(leader.header.pins, run.header.pins)),
    )


def round_of(run: RunSummary, by_id: dict[int, RunSummary]) -> int:
    """The round that a run stands in."""
    number = 0
    while run.parent_id in by_id and number < ROUNDS_MAX:
        number += run.role in OPENERS
        run = by_id[run.parent_id]
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
