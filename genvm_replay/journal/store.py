"""The contract of a journal's store: records runs, commits them whole, finds and opens them (docs/architecture.md 4).

Three keep it: `memory_store.py`, and `database_store.py` over SQLite and Postgres. A run is a pure value until `commit`
writes it in one transaction, together with the local state that it changed. So a process that is killed leaves
whole runs or nothing; of a run that was longer than a checkpoint, a valid prefix marked `interrupted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol, Self

from genvm_replay.errors import PayloadRedacted, UsageError
from genvm_replay.journal.delta import Account, PageKey, StateDelta
from genvm_replay.journal.recorder import FinishedRun, RunRecorder
from genvm_replay.journal.run import RunHeader
from genvm_replay.journal.source import RunSummary
from genvm_replay.journal.stored import StoredRun

PREFIX_DIGITS_MIN: Final = 4
TX_DIGITS: Final = 64
CANDIDATES_SHOWN_MAX: Final = 5


class State(Protocol):
    """The local node's state, as of the last commit of any process: contract storage and accounts."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        """One page of storage, always PAGE_BYTES long; what was never written is zeros."""

    def pages(self, address: bytes) -> Iterator[tuple[PageKey, bytes]]:
        """All written pages of a contract, ordered by slot and page."""

    def contracts(self) -> list[bytes]:
        """Addresses of all deployed contracts, sorted."""

    def contract_version(self, address: bytes) -> int | None:
        """Grows with each committed change of the contract's storage; None before it is deployed."""

    def account(self, address: bytes) -> Account:
        """Balance and nonce."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Inside, all reads see the same state, whatever other processes commit. Leave it before you commit."""

    def drop(self) -> None:
        """Forget contracts, storage and accounts; the runs stay."""


class Store(AbstractContextManager["Store"], Protocol):
    """An open journal. For one thread at a time; recorders and finished runs need no store and are free."""

    @property
    def name(self) -> str:
        """Where it is, for people; nothing secret."""

    @property
    def read_only(self) -> bool:
        """Whether every write is refused."""

    @property
    def state(self) -> State:
        """The local node's state."""

    def __enter__(self) -> Self: ...

    def close(self) -> None:
        """Close; what was committed is safe already."""

    def begin_run(self, header: RunHeader) -> RunRecorder:
        """Start to record.

        A database takes what is closed of a long run out of memory, `CHECKPOINT_BYTES` at a time, as a run with the
        status `interrupted`; `commit` finishes it. Use the recorder as a context, or its `give_up`, to remove a run
        that is not committed. A memory store, and one that is read-only, keep all of it in memory.
        """

    def commit(
        self,
        finished: FinishedRun,
        *,
        state: StateDelta | None = None,
        expected_versions: Mapping[bytes, int | None] | None = None,
        expected_accounts: Mapping[bytes, Account] | None = None,
        method: str | None = None,
    ) -> int:
        """Store a run and the state it changed, in one transaction; its id, which is above those of runs begun before.

        Args:
            finished: what a recorder's `finish` gave.
            state: what the run changes in the local state; None for a run that changes nothing.
            expected_versions: version of each contract that the run read, None for one not deployed.
            expected_accounts: each account that the run read.
            method: name of the called method, for lists.

        Raises:
            StateConflict: another process changed what the run had read; nothing was written.
            EnvironmentProblem: read-only, locked, disk full, connection lost; nothing was written.
        """

    def list_runs(self, limit: int = 50, before: int | None = None) -> list[RunSummary]:
        """Runs, newest first; `before` is the id of the last one of the page before."""

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

    def load_run(self, run_id: int) -> StoredRun:
        """Open a run for reading.

        Raises:
            UsageError: no such run.
            JournalDamaged: header, footer, line summaries and root do not belong together.
        """

    def verify_run(self, run_id: int) -> tuple[PayloadRedacted, ...]:
        """Walk everything that is stored of a run; where payloads were removed on purpose.

        Raises:
            UsageError: no such run.
            JournalDamaged: the first thing that is not as it was recorded (see `verify.py`).
        """


def at_one_moment(store: Store, run: RunSummary) -> AbstractContextManager[None]:
    """Inside, a run does not grow: one that is `interrupted` may still be recorded by another process."""
    return store.state.snapshot() if run.status == "interrupted" else nullcontext()


def no_such_run(run_id: int) -> UsageError:
    """What every store says of an id that it does not know."""
    return UsageError(f"there is no run {run_id}; list the runs to see which there are")


def prefix_range(prefix: str) -> tuple[bytes, bytes]:
    """The least and the greatest transaction id that start with these digits.

    Raises:
        UsageError: no transaction id can start so.
    """
    digits = prefix.removeprefix("0x").lower()
    if not PREFIX_DIGITS_MIN <= len(digits) <= TX_DIGITS or set(digits) - set("0123456789abcdef"):
        raise UsageError(f"{prefix!r} is no transaction: give {PREFIX_DIGITS_MIN} to {TX_DIGITS} hex digits")
    return bytes.fromhex(digits.ljust(TX_DIGITS, "0")), bytes.fromhex(digits.ljust(TX_DIGITS, "f"))


def only_one(prefix: str, found: Sequence[bytes]) -> bytes | None:
    """The one transaction that was found; None if none was.

    Args:
        found: up to CANDIDATES_SHOWN_MAX + 1 of them, sorted.

    Raises:
        UsageError: several; they are listed.
    """
    if len(found) > 1:
        shown = ", ".join(f"0x{tx.hex()}" for tx in found[:CANDIDATES_SHOWN_MAX])
        more = ", ..." if len(found) > CANDIDATES_SHOWN_MAX else ""
        raise UsageError(f"{prefix!r} fits several transactions: {shown}{more}")
    return found[0] if found else None
