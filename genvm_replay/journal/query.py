"""Finds runs by what is known of them, and reads what the views show of those; pages by run id, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, column, exists, func, select, table, text

from genvm_replay.calldata import to_text
from genvm_replay.journal import bookkeeping, run_rows
from genvm_replay.journal.connection import Database
from genvm_replay.journal.database_source import DatabaseSource
from genvm_replay.journal.schema import nondet_answers, run_facts, runs, segments, storage_writes
from genvm_replay.journal.stored import StoredRun

What: TypeAlias = Literal["runs", "events", "storage", "answers", "attempts"]
ATTEMPTS: Final = "attempts"
ATTEMPT_FACTS: Final = ("backend", "model", "status", "duration_us", "input_tokens", "output_tokens", "cost")
"""Facts of an attempt that have a column of their own."""

# View, order of the rows of one run, and the table that a run has rows in.
SHOWN: Final[Mapping[str, tuple[str, tuple[str, ...], Any]]] = {
    "runs": ("runs_view", (), None),
    "events": ("events_view", ("line", "first_seq"), segments),
    "storage": ("storage_changes_view", ("slot",), storage_writes),
    "answers": ("nondet_answers_view", ("line", "seq"), nondet_answers),
    ATTEMPTS: ("runs_view", (), None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs; what is None does not matter, the others add up."""

    contract: bytes | None = None  # 20 bytes
    sender: bytes | None = None  # 20 bytes
    method: str | None = None
    result: str | None = None  # a `run.ResultKind`
    role: str | None = None  # a `run.Role`
    error: str | None = None  # a part of the message
    fingerprint: bytes | None = None  # 32 bytes
    since: str | None = None  # transaction's time as `run_columns.moment_of` gives it, inclusive
    until: str | None = None  # exclusive
    before: int | None = None  # run id: the last one of the page before


def search(
    database: Database, what: What, wanted: RunFilter, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Rows of at most `limit` runs, newest run first, and the `before` of the next page; None on the last one."""
    with database.reading():
        ids = [run_id for (run_id,) in database.fetch(matching(database, what, wanted).limit(limit + 1))]
        page = ids[:limit]
        view, order, _ = SHOWN[what]
        query = (
            select(text("*"))
            .select_from(table(view))
            .where(column("run").in_(page))
            .order_by(column("run").desc(), *map(column, order))
        )
        rows = [dict(row._mapping) for row in database.fetch(query)] if page else []
        if what == ATTEMPTS:
            rows = [attempt for row in rows for attempt in _attempts(database, row)]
    return rows, page[-1] if len(ids) > limit else None


def matching(database: Database, what: What, wanted: RunFilter) -> Select[Any]:
    """Ids of the runs that a filter lets through, newest first."""
    of_run: dict[Any, object] = {
        runs.c.contract: wanted.contract,
        runs.c.method: wanted.method,
        runs.c.kind: wanted.result,
        runs.c.role: wanted.role,
    }
    conditions = [name == value for name, value in of_run.items() if value is not None]
    if wanted.before is not None:
        conditions.append(runs.c.id < wanted.before)
    if what == ATTEMPTS:
        lines = segments.c.line.startswith(bookkeeping.ATTEMPTS)
        conditions.append(exists().where(segments.c.run_id == runs.c.id, lines))
    source = SHOWN[what][2]
    if source is not None:
        conditions.append(exists().where(source.c.run_id == runs.c.id))
    query = select(runs.c.id)
    of_facts = list(_facts_conditions(database, wanted))
    if of_facts:
        query = query.join(run_facts, run_facts.c.run_id == runs.c.id)
    return query.where(*conditions, *of_facts).order_by(runs.c.id.desc())


def _attempts(database: Database, of_run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What modules tried in one run, read from its segments: there is no view of it."""
    loaded = run_rows.load(database, of_run["run"])
    if loaded is None:
        return
    run = StoredRun(loaded[0], DatabaseSource(database, of_run["run"]), loaded[1])
    named = {name: of_run[name] for name in ("run", "tx", "contract", "method")}
    for one in bookkeeping.attempts_of(run):
        known = {name: one.facts.get(name) for name in ATTEMPT_FACTS}
        others = {name: value for name, value in one.facts.items() if name not in known}
        size = None if one.raw is None else len(one.raw)
        place = {"line": one.line, "call": one.call}
        yield {**named, **place, **known, "raw_size": size, "other": to_text(others) if others else None}


def _facts_conditions(database: Database, wanted: RunFilter) -> list[ColumnElement[bool]]:
    facts, found = run_facts.c, list[ColumnElement[bool]]()
    if wanted.sender is not None:
        found.append(facts.sender == wanted.sender)
    if wanted.fingerprint is not None:
        found.append(facts.fingerprint == wanted.fingerprint)
    if wanted.since is not None:
        found.append(facts.moment >= wanted.since)
    if wanted.until is not None:
        found.append(facts.moment < wanted.until)
    if wanted.error is not None:
        position = func.instr if database.placeholder == "?" else func.strpos
        found.append(position(facts.error, wanted.error) > 0)
    return found
