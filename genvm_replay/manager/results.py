"""What is kept of a run, in the journal's database: from its acceptance until its result is acknowledged.

A run is a row before its id is answered. Its end and its record are one transaction, so after a crash either both stand
or the run is found without an end: then it is `lost`. One manager a journal: a second one would call the first one's
runs lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from filelock import FileLock, Timeout
from sqlalchemy import Connection, func, insert, select, text, update

from ..errors import EnvironmentProblem
from ..journal import run_rows, schema
from ..journal.connection import Database
from ..journal.database_store import DatabaseStore
from ..journal.handed_run import decode_finished
from .group_writer import GroupWriter

Cause = Literal["exited", "cancelled", "deadline", "shutdown", "lost"]

LOST: Final = "lost: the manager ended before this run's end was stored; its host may have the result"
TAKEN: Final = "another manager works on this journal; give this one its own, or end that one"
LOCK_KEY: Final = schema.APPLICATION_ID + 1  # of the lock on a server

LAST_ID: Final = "manager_last_id"  # key in `meta`: of the runs that were forgotten; no id is given twice

LINE_BYTES: Final = 200  # of a line of a log in memory, beside its text

_RUNS: Final = schema.manager_runs
_KEEP_LAST_ID: Final = text(
    "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_ACCEPT: Final = insert(_RUNS)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended.

    Attributes:
        cause: `exited`: by itself, in order or not; `lost`: the manager ended first.
        exit_code: of the executor; minus the number of the signal that ended it; None where it is not known.
        stdout, stderr: head and tail, where they were captured.
        genvm_log: lines of the executor's log, and of the modules' on behalf of this run.
        error: None: a result was handed to the host; else a documented word, a colon and a text.
        recorded_id: of the run in the journal; None: it was not recorded.
    """

    finished_at: datetime
    cause: Cause
    exit_code: int | None
    stdout: str = ""
    stderr: str = ""
    genvm_log: Sequence[Mapping[str, Any]] = ()
    error: str | None = None
    recorded_id: int | None = None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        log = sum(LINE_BYTES + len(str(line)) for line in self.genvm_log)
        return 500 + len(self.stdout) + len(self.stderr) + log


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run that the manager knows. Times are UTC.

    Attributes:
        started_at: None while it is queued, and of a run that was lost.
        tx: the transaction's id in the journal, 64 hex digits.
    """

    run_id: int
    version: str
    accepted_at: datetime
    started_at: datetime | None
    strict_deadline: datetime | None
    finished: Finished | None
    tx: str
    idempotency_key: str | None = None


class Results:
    """The rows of runs."""

    def __init__(self, url: str) -> None:
        self._writer = GroupWriter(url)
        self._lock: FileLock | Database | None = None
        self._known: list[RunStatus] = []
        self._last_id = 0

    async def start(self) -> tuple[list[RunStatus], int]:
        """Open the journal. Gives what is kept, oldest first, and the greatest id that was ever given.

        Raises:
            EnvironmentProblem: it can't be opened, or another manager has it.
        """
        await self._writer.start(self._recover)
        return self._known, self._last_id

    async def close(self) -> None:
        """Write what has come, close."""
        await self._writer.close()
        if isinstance(self._lock, FileLock):
            self._lock.release()
        elif self._lock is not None:
            self._lock.close()

    async def accept(self, run: RunStatus) -> None:
        """Make a run known; safe on return."""
        row = {
            "id": run.run_id,
            "key": run.idempotency_key,
            "version": run.version,
            "tx": bytes.fromhex(run.tx),
            "accepted_at": _text(run.accepted_at),
        }
        await self._writer.do(lambda connection: connection.execute(_ACCEPT, row) and None)

    async def finish(self, run: RunStatus, record: bytes | None) -> int | None:
        """Store a run's end together with its record; the record's id in the journal.

        Raises:
            JournalError: the record can't be read; nothing was written.
        """
        row = _end_of(run)

        def write(connection: Connection) -> int | None:
            finished = None if record is None else decode_finished(record)
            recorded_id = None if finished is None else run_rows.save(connection, finished, [], method=None)
            own = _RUNS.c.id == run.run_id
            connection.execute(update(_RUNS).where(own).values(row | {"recorded_id": recorded_id}))
            return recorded_id

        return await self._writer.do(write)

    async def forget(self, run_ids: Sequence[int]) -> None:
        """Remove runs; their records stay in the journal."""

        def write(connection: Connection) -> None:
            connection.execute(_RUNS.delete().where(_RUNS.c.id.in_(run_ids)))
            connection.execute(_KEEP_LAST_ID, {"key": LAST_ID, "value": str(self._last_id)})

        self._last_id = max(self._last_id, *run_ids)
        await self._writer.do(write)

    def _recover(self, store: DatabaseStore) -> None:
        """In the writer's thread: take the lock, end what has no end, load the rest."""
        self._lock = _locked(store.database)
        ended = {"finished_at": _text(datetime.now(UTC)), "cause": "lost", "error": LOST, "key": None}
        store.database.write(
            lambda connection: (
                connection.execute(update(_RUNS).where(_RUNS.c.finished_at.is_(None)).values(ended)) and None
            )
        )
        self._known = [
            _status(row._mapping) for row in store.database.fetch(select(_RUNS).order_by(_RUNS.c.id))
        ]
        greatest = store.database.fetch(select(func.max(_RUNS.c.id)))[0][0]
        kept = store.database.fetch(select(schema.meta.c.value).where(schema.meta.c.key == LAST_ID))
        self._last_id = max(int(greatest or 0), *(int(value) for (value,) in kept), 0)


def _locked(database: Database) -> FileLock | Database:
    path = getattr(database, "path", None)
    if path is not None:
        lock = FileLock(f"{path}.manager", blocking=False, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise EnvironmentProblem(f"{database.name}: {TAKEN}") from error
        return lock
    session = database.again()  # the lock lasts as long as this connection
    if not session.fetch_plain("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,))[0][0]:
        session.close()
        raise EnvironmentProblem(f"{database.name}: {TAKEN}")
    return session


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _end_of(run: RunStatus) -> dict[str, Any]:
    """The columns of a finished run that its acceptance did not know."""
    finished = run.finished
    assert finished is not None
    return {
        "started_at": None if run.started_at is None else _text(run.started_at),
        "deadline_at": None if run.strict_deadline is None else _text(run.strict_deadline),
        "finished_at": _text(finished.finished_at),
        "cause": finished.cause,
        "exit_code": finished.exit_code,
        "error": finished.error,
        "stdout": finished.stdout.encode(errors="replace"),
        "stderr": finished.stderr.encode(errors="replace"),
        "log": json.dumps(list(finished.genvm_log)).encode(),
    }


def _status(row: Mapping[Any, Any]) -> RunStatus:
    finished_at, accepted_at = _moment(row["finished_at"]), _moment(row["accepted_at"])
    assert finished_at is not None, "recovery has ended all"
    assert accepted_at is not None
    finished = Finished(
        finished_at,
        row["cause"],
        row["exit_code"],
        stdout=(row["stdout"] or b"").decode(errors="replace"),
        stderr=(row["stderr"] or b"").decode(errors="replace"),
        genvm_log=json.loads(row["log"] or b"[]"),
        error=row["error"],
        recorded_id=row["recorded_id"],
    )
    return RunStatus(
        row["id"],
        row["version"],
        accepted_at,
        _moment(row["started_at"]),
        _moment(row["deadline_at"]),
        finished,
        row["tx"].hex(),
        row["key"],
    )
