"""The journal: records runs, commits them whole, finds and opens them (docs/architecture.md section 4).

A run is a pure value until `commit` writes it in one transaction, together with the local state that it
changed. So a process that is killed leaves whole runs or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final

from sqlalchemy import Executable, select

from genvm_replay.errors import PayloadRedacted, UsageError
from genvm_replay.journal import run_rows, schema
from genvm_replay.journal.connection import Database
from genvm_replay.journal.database_source import DatabaseSource
from genvm_replay.journal.delta import Account, StateDelta
from genvm_replay.journal.recorder import FinishedRun, RunRecorder
from genvm_replay.journal.run import RunHeader
from genvm_replay.journal.source import RunSummary
from genvm_replay.journal.state import LocalState
from genvm_replay.journal.stored import StoredRun

PREFIX_DIGITS_MIN: Final = 4
TX_DIGITS: Final = 64
CANDIDATES_SHOWN_MAX: Final = 5


class Store:
    """An open journal. For one thread at a time; recorders and finished runs need no store and are free."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.state: Final = LocalState(database)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def begin_run(self, header: RunHeader) -> RunRecorder:
        """Start to record; nothing is written before `commit`."""
        return RunRecorder(header)

    def commit(
        self,
        finished: FinishedRun,
        *,
        state: StateDelta | None = None,
        expected_versions: Mapping[bytes, int | None] | None = None,
        expected_accounts: Mapping[bytes, Account] | None = None,
        method: str | None = None,
    ) -> int:
        """Store a run and the state it changed, in one transaction; its id.

        Args:
            finished: what a recorder's `finish` gave.
            state: what the run changes in the local state; None for a run that changes nothing.
            expected_versions: version of each contract that the run read, None for one not deployed.
            expected_accounts: each account that the run read.
            method: name of the called method, for lists.

        Raises:
            StateConflict: another process changed what the run had read; nothing was written.
            EnvironmentProblem: read-only, locked, disk full; nothing was written.
        """
        with self.database.translated():
            blobs = run_rows.new_blobs(self.database.connection, finished.blobs)
        with self.database.writing() as connection:
            self.state.check(expected_versions or {}, expected_accounts or {})
            run_id = run_rows.insert(connection, finished, blobs, method=method)
            if state is not None:
                self.state.apply(state, run_id)
        return run_id

    def list_runs(self, limit: int = 50, before: int | None = None) -> list[RunSummary]:
        """Runs, newest first; `before` is the id of the last one of the page before."""
        return self.find_runs(limit=limit, before=before)

    def find_runs(
        self,
        tx_prefix: str | None = None,
        *,
        contract: bytes | None = None,
        role: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[RunSummary]:
        """Runs of a transaction, of a contract, in a role; newest first. An unknown one gives an empty list.

        Args:
            tx_prefix: at least 4 hex digits of the transaction id, with or without 0x.

        Raises:
            UsageError: no such prefix can be, or it fits several transactions.
        """
        query = select(*run_rows.SUMMARY).order_by(schema.runs.c.id.desc()).limit(limit)
        if tx_prefix is not None:
            query = query.where(schema.runs.c.tx == self._resolve(tx_prefix))
        if contract is not None:
            query = query.where(schema.runs.c.contract == contract)
        if role is not None:
            query = query.where(schema.runs.c.role == role)
        if before is not None:
            query = query.where(schema.runs.c.id < before)
        return self._summaries(query)

    def load_run(self, run_id: int) -> StoredRun:
        """Open a run for reading.

        Raises:
            UsageError: no such run.
            JournalDamaged: header, footer, line summaries and root do not belong together.
        """
        with self.database.translated():
            row = run_rows.load(self.database.connection, run_id)
        if row is None:
            raise UsageError(f"there is no run {run_id}; list the runs to see which there are")
        run, summary = row
        return StoredRun(run, DatabaseSource(self.database, run_id), summary)

    def verify_run(self, run_id: int) -> tuple[PayloadRedacted, ...]:
        """Walk everything that is stored of a run; where payloads were removed on purpose.

        Raises:
            UsageError: no such run.
            JournalDamaged: the first thing that is not as it was recorded (see `verify.py`).
        """
        return self.load_run(run_id).verify()

    def _summaries(self, query: Executable) -> list[RunSummary]:
        with self.database.translated():
            return [RunSummary(*tuple(row)) for row in self.database.connection.execute(query)]

    def _resolve(self, prefix: str) -> bytes | None:
        """The one transaction that starts with `prefix`; None if there is none."""
        digits = prefix.removeprefix("0x").lower()
        if not PREFIX_DIGITS_MIN <= len(digits) <= TX_DIGITS or set(digits) - set("0123456789abcdef"):
            raise UsageError(
                f"{prefix!r} is no transaction: give {PREFIX_DIGITS_MIN} to {TX_DIGITS} hex digits"
            )
        low, high = (bytes.fromhex(digits.ljust(TX_DIGITS, end)) for end in "0f")
        query = (
            select(schema.runs.c.tx)
            .where(schema.runs.c.tx.between(low, high))
            .distinct()
            .order_by(schema.runs.c.tx)
            .limit(CANDIDATES_SHOWN_MAX + 1)
        )
        with self.database.translated():
            found = list(self.database.connection.execute(query).scalars())
        if len(found) > 1:
            shown = ", ".join(f"0x{tx.hex()}" for tx in found[:CANDIDATES_SHOWN_MAX])
            more = ", ..." if len(found) > CANDIDATES_SHOWN_MAX else ""
            raise UsageError(f"{prefix!r} fits several transactions: {shown}{more}")
        return found[0] if found else None
