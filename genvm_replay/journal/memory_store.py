"""The store in memory: for tests, for programs that embed us, and for what nobody wants to keep.

Several stores can be opened on one `MemoryJournal`, as several processes open one database. Runs are kept in their
stored form and read through the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Final, Self

from genvm_replay.errors import EnvironmentProblem, JournalError, PayloadRedacted, UsageError
from genvm_replay.journal.delta import PAGE_BYTES, Account, PageKey, StateConflict, StateDelta
from genvm_replay.journal.recorder import FinishedRun, RunRecorder
from genvm_replay.journal.run import RunHeader
from genvm_replay.journal.run_columns import columns_of
from genvm_replay.journal.source import MemorySource, RunSummary
from genvm_replay.journal.store import CANDIDATES_SHOWN_MAX, Store, no_such_run, only_one, prefix_range
from genvm_replay.journal.stored import StoredRun

NO_PAGE: Final = bytes(PAGE_BYTES)
UNKNOWN_ACCOUNT: Final = Account(0, 0)


@dataclass(frozen=True, slots=True)
class _Committed:
    """The local node's state at one moment; replaced as a whole, never changed."""

    pages: Mapping[PageKey, bytes] = field(default_factory=dict)
    versions: Mapping[bytes, int] = field(default_factory=dict)
    accounts: Mapping[bytes, Account] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryJournal:
    """What is committed: runs by id, from 1, and the state."""

    runs: dict[int, tuple[RunSummary, FinishedRun]] = field(default_factory=dict)
    state: _Committed = field(default_factory=_Committed)


class MemoryState:
    """The local node's state in memory."""

    def __init__(self, journal: MemoryJournal, *, read_only: bool) -> None:
        self._journal = journal
        self._read_only = read_only
        self._seen: _Committed | None = None  # inside a snapshot

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        """One page of storage, always PAGE_BYTES long; what was never written is zeros."""
        return self._now().pages.get(PageKey(address, slot, page), NO_PAGE)

    def pages(self, address: bytes) -> Iterator[tuple[PageKey, bytes]]:
        """All written pages of a contract, ordered by slot and page."""
        return iter(sorted(item for item in self._now().pages.items() if item[0].address == address))

    def contracts(self) -> list[bytes]:
        """Addresses of all deployed contracts, sorted."""
        return sorted(self._now().versions)

    def contract_version(self, address: bytes) -> int | None:
        """Grows with each committed change of the contract's storage; None before it is deployed."""
        return self._now().versions.get(address)

    def account(self, address: bytes) -> Account:
        """Balance and nonce."""
        return self._now().accounts.get(address, UNKNOWN_ACCOUNT)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside, all reads see the same state, whatever other stores commit. Leave it before you commit."""
        self._refuse_snapshot()
        self._seen = self._journal.state
        try:
            yield
        finally:
            self._seen = None

    def drop(self) -> None:
        """Forget contracts, storage and accounts; the runs stay."""
        self.refuse_to_write()
        self._journal.state = _Committed()

    def refuse_to_write(self) -> None:
        """Raise where nothing can be written."""
        if self._read_only:
            raise EnvironmentProblem("memory: it is open for reading only")
        self._refuse_snapshot()

    def _refuse_snapshot(self) -> None:
        if self._seen is not None:
            raise UsageError("a transaction is open already: end the snapshot before you commit")

    def check(self, versions: Mapping[bytes, int | None], accounts: Mapping[bytes, Account]) -> None:
        """Raise `StateConflict` if the state is not what the run had read."""
        for address, expected in versions.items():
            if (version := self.contract_version(address)) != expected:
                raise StateConflict(address, "version", expected, version)
        for address, known in accounts.items():
            if (account := self.account(address)) != known:
                raise StateConflict(address, "account", known, account)

    def after(self, delta: StateDelta) -> _Committed:
        """The state with what a run changed."""
        now = self._now()
        for data in delta.pages.values():
            if len(data) > PAGE_BYTES:
                raise JournalError(f"a page of {len(data)} bytes, limit {PAGE_BYTES}")
        whole = {key: data.ljust(PAGE_BYTES, b"\0") for key, data in delta.pages.items()}
        raised = {address: now.versions.get(address, 0) + 1 for address in delta.contracts()}
        return _Committed(
            pages={key: data for key, data in {**now.pages, **whole}.items() if data != NO_PAGE},
            versions={**now.versions, **raised},
            accounts={**now.accounts, **delta.accounts},
        )

    def _now(self) -> _Committed:
        return self._seen or self._journal.state


class MemoryStore:
    """An open journal in memory; see `store.Store` for what it promises."""

    name: Final = "memory"

    def __init__(self, journal: MemoryJournal | None = None, *, read_only: bool = False) -> None:
        self.read_only: Final = read_only
        self._journal = journal or MemoryJournal()
        self.state: Final = MemoryState(self._journal, read_only=read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open."""

    def begin_run(self, header: RunHeader) -> RunRecorder:
        """Start to record; all of it stays in memory."""
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
        """Store a run and the state it changed, all or nothing; see `Store.commit`."""
        self.state.refuse_to_write()
        finished.refuse_part()
        self.state.check(expected_versions or {}, expected_accounts or {})
        after = self._journal.state if state is None else self.state.after(state)
        run_id = len(self._journal.runs) + 1
        self._journal.runs[run_id] = (self._summary(run_id, finished, method), finished)
        self._journal.state = after
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
        """Runs of a transaction, of a contract, in a role; newest first; see `Store.find_runs`."""
        wanted: dict[str, object] = {} if tx_prefix is None else {"tx": self._resolve(tx_prefix)}
        wanted |= {
            name: value for name, value in (("contract", contract), ("role", role)) if value is not None
        }
        newest_first = (summary for summary, _ in reversed(self._journal.runs.values()))
        found = (
            run
            for run in newest_first
            if (before is None or run.id < before)
            and all(getattr(run, name) == value for name, value in wanted.items())
        )
        return list(islice(found, limit))

    def load_run(self, run_id: int) -> StoredRun:
        """Open a run for reading; see `Store.load_run`."""
        if run_id not in self._journal.runs:
            raise no_such_run(run_id)
        summary, finished = self._journal.runs[run_id]
        return StoredRun(finished.stored, MemorySource(finished.segments, finished.blobs), summary)

    def verify_run(self, run_id: int) -> tuple[PayloadRedacted, ...]:
        """Walk everything that is stored of a run; see `Store.verify_run`."""
        return self.load_run(run_id).verify()

    def _summary(self, run_id: int, finished: FinishedRun, method: str | None) -> RunSummary:
        parent = finished.header.parent
        return RunSummary(
            id=run_id,
            parent_id=next((run.id for run, _ in self._journal.runs.values() if run.root == parent), None),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            method=method if method is not None else finished.index.method,
            **columns_of(finished),
        )

    def _resolve(self, prefix: str) -> bytes | None:
        low, high = prefix_range(prefix)
        found = sorted({run.tx for run, _ in self._journal.runs.values() if low <= run.tx <= high})
        return only_one(prefix, found[: CANDIDATES_SHOWN_MAX + 1])


_CONTRACT: Final[type[Store]] = MemoryStore  # a type checker looks here
