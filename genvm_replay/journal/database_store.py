"""The store over a database, SQLite or Postgres; see `store.Store` for what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection, Executable, select

from genvm_replay.errors import PayloadRedacted
from genvm_replay.journal import run_rows, schema
from genvm_replay.journal.checkpoints import DatabaseCheckpoints
from genvm_replay.journal.connection import Database
from genvm_replay.journal.database_source import DatabaseSource
from genvm_replay.journal.delta import Account, StateDelta
from genvm_replay.journal.recorder import CHECKPOINT_BYTES, FinishedRun, RunRecorder
from genvm_replay.journal.run import RunHeader
from genvm_replay.journal.source import RunSummary
from genvm_replay.journal.state import DatabaseState
from genvm_replay.journal.store import CANDIDATES_SHOWN_MAX, Store, no_such_run, only_one, prefix_range
from genvm_replay.journal.stored import StoredRun


class DatabaseStore:
    """An open journal in a database."""

    def __init__(self, database: Database, *, checkpoint_bytes: int = CHECKPOINT_BYTES) -> None:
        self.database = database
        self.checkpoint_bytes = checkpoint_bytes
        self.state: Final = DatabaseState(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """Path, or URL without its password."""
        return self.database.name

    @property
    def read_only(self) -> bool:
        """Whether every write is refused."""
        return self.database.read_only

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def begin_run(self, header: RunHeader) -> RunRecorder:
        """Start to record; see `Store.begin_run`."""
        if self.read_only:
            return RunRecorder(header)
        checkpoints = DatabaseCheckpoints(self.database.again)
        return RunRecorder(header, checkpoints, checkpoint_bytes=self.checkpoint_bytes)

    def commit(
        self,
        finished: FinishedRun,
        *,
        state: StateDelta | None = None,
        expected_versions: Mapping[bytes, int | None] | None = None,
        expected_accounts: Mapping[bytes, Account] | None = None,
        method: str | None = None,
    ) -> int:
        """Store a run and the state it changed, in one transaction; see `Store.commit`."""
        blobs = run_rows.new_blobs(self.database, finished.blobs)

        def write(connection: Connection) -> int:
            self.state.check(connection, expected_versions or {}, expected_accounts or {})
            run_id = run_rows.save(connection, finished, blobs, method=method)
            if state is not None:
                self.state.apply(connection, state, run_id)
            return run_id

        return self.database.write(write)

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
        """Runs of a transaction, of a contract, in a role; newest first; see `Store.find_runs`."""
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
        """Open a run for reading; see `Store.load_run`."""
        row = run_rows.load(self.database, run_id)
        if row is None:
            raise no_such_run(run_id)
        run, summary = row
        return StoredRun(run, DatabaseSource(self.database, run_id), summary)

    def verify_run(self, run_id: int) -> tuple[PayloadRedacted, ...]:
        """Walk everything that is stored of a run; see `Store.verify_run`."""
        run = self.load_run(run_id)
        if not run.footer.interrupted or self.database.in_transaction():
            return run.verify()
        with self.database.reading():  # its process may be alive and add to it
            return self.load_run(run_id).verify()

    def _summaries(self, query: Executable) -> list[RunSummary]:
        return [RunSummary(*tuple(row)) for row in self.database.fetch(query)]

    def _resolve(self, prefix: str) -> bytes | None:
        low, high = prefix_range(prefix)
        query = (
            select(schema.runs.c.tx)
            .where(schema.runs.c.tx.between(low, high))
            .distinct()
            .order_by(schema.runs.c.tx)
            .limit(CANDIDATES_SHOWN_MAX + 1)
        )
        return only_one(prefix, [tx for (tx,) in self.database.fetch(query)])


_CONTRACT: Final[type[Store]] = DatabaseStore  # a type checker looks here
