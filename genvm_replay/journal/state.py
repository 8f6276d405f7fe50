"""The local node's state in the database: contract storage by pages, versions, accounts.

Read by the local host while a run executes, written only by `DatabaseStore.commit`, in the transaction of the run
that changed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection

from genvm_replay.errors import JournalError
from genvm_replay.journal.connection import Database, Rows
from genvm_replay.journal.delta import PAGE_BYTES, Account, PageKey, StateConflict, StateDelta

BALANCE_BYTES: Final = 32
NO_PAGE: Final = bytes(PAGE_BYTES)
UNKNOWN_ACCOUNT: Final = Account(0, 0)

# Plain SQL: a compiled SQLAlchemy statement costs 10 us more, on every storage read of a guest.
_PAGE: Final = "SELECT data FROM storage_pages WHERE address = ? AND slot = ? AND page = ?"
_PAGES: Final = "SELECT slot, page, data FROM storage_pages WHERE address = ? ORDER BY slot, page"
_VERSION: Final = "SELECT version FROM contracts WHERE address = ?"
_ACCOUNT: Final = "SELECT balance, nonce FROM accounts WHERE address = ?"
_CONTRACTS: Final = "SELECT address FROM contracts ORDER BY address"
_PUT_CONTRACT: Final = (
    "INSERT INTO contracts (address, version, deployed_by) VALUES (?, 1, ?)"
    " ON CONFLICT (address) DO UPDATE SET version = contracts.version + 1"
)
_PUT_PAGE: Final = (
    "INSERT INTO storage_pages (address, slot, page, data) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (address, slot, page) DO UPDATE SET data = excluded.data"
)
_DROP_PAGE: Final = "DELETE FROM storage_pages WHERE address = ? AND slot = ? AND page = ?"
_PUT_ACCOUNT: Final = (
    "INSERT INTO accounts (address, balance, nonce) VALUES (?, ?, ?)"
    " ON CONFLICT (address) DO UPDATE SET balance = excluded.balance, nonce = excluded.nonce"
)


class DatabaseState:
    """Contract storage and accounts, as of the last commit of any process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._fetch = database.fetch_plain
        texts = (
            _PAGE,
            _PAGES,
            _VERSION,
            _ACCOUNT,
            _CONTRACTS,
            _PUT_CONTRACT,
            _PUT_PAGE,
            _DROP_PAGE,
            _PUT_ACCOUNT,
        )
        self._sql = {text: text.replace("?", database.placeholder) for text in texts}

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        """One page of storage, always PAGE_BYTES long; what was never written is zeros."""
        rows = self._fetch(self._sql[_PAGE], (address, slot, page))
        return bytes(rows[0][0]).ljust(PAGE_BYTES, b"\0") if rows else NO_PAGE

    def pages(self, address: bytes) -> Iterator[tuple[PageKey, bytes]]:
        """All written pages of a contract, ordered by slot and page."""
        for slot, page, data in self._fetch(self._sql[_PAGES], (address,)):
            yield PageKey(address, slot, page), bytes(data).ljust(PAGE_BYTES, b"\0")

    def contracts(self) -> list[bytes]:
        """Addresses of all deployed contracts, sorted."""
        return [address for (address,) in self._fetch(self._sql[_CONTRACTS])]

    def contract_version(self, address: bytes) -> int | None:
        """Grows with each committed change of the contract's storage; None before it is deployed."""
        return _version(self._fetch(self._sql[_VERSION], (address,)))

    def account(self, address: bytes) -> Account:
        """Balance and nonce."""
        return _account(self._fetch(self._sql[_ACCOUNT], (address,)))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside, all reads see the same state, whatever other processes commit. Leave it before you commit."""
        with self._database.reading():
            yield

    def drop(self) -> None:
        """Forget contracts, storage and accounts; the runs stay."""

        def delete(connection: Connection) -> None:
            for table in ("storage_pages", "contracts", "accounts"):
                connection.exec_driver_sql(f"DELETE FROM {table}")

        self._database.write(delete)

    def check(
        self,
        connection: Connection,
        versions: Mapping[bytes, int | None],
        accounts: Mapping[bytes, Account],
    ) -> None:
        """Inside a write transaction: raise `StateConflict` if the state is not what the run had read."""
        for address, expected in versions.items():
            version = _version(connection.exec_driver_sql(self._sql[_VERSION], (address,)).all())
            if version != expected:
                raise StateConflict(address, "version", expected, version)
        for address, known in accounts.items():
            account = _account(connection.exec_driver_sql(self._sql[_ACCOUNT], (address,)).all())
            if account != known:
                raise StateConflict(address, "account", known, account)

    def apply(self, connection: Connection, delta: StateDelta, run_id: int) -> None:
        """Inside a write transaction: store what a run changed."""
        kept: list[tuple[object, ...]] = []
        dropped: list[tuple[object, ...]] = []
        for (address, slot, page), data in delta.pages.items():
            if len(data) > PAGE_BYTES:
                raise JournalError(f"a page of {len(data)} bytes, limit {PAGE_BYTES}")
            trimmed = data.rstrip(b"\0")
            (kept if trimmed else dropped).append((address, slot, page, trimmed))
        accounts = [
            (address, balance.to_bytes(BALANCE_BYTES, "little"), nonce)
            for address, (balance, nonce) in delta.accounts.items()
        ]
        changes: list[tuple[str, list[tuple[object, ...]]]] = [
            (_PUT_CONTRACT, [(address, run_id) for address in delta.contracts()]),
            (_PUT_PAGE, kept),
            (_DROP_PAGE, [row[:3] for row in dropped]),
            (_PUT_ACCOUNT, [*accounts]),
        ]
        for statement, rows in changes:
            if rows:
                connection.exec_driver_sql(self._sql[statement], rows)


def _version(rows: Rows) -> int | None:
    return rows[0][0] if rows else None


def _account(rows: Rows) -> Account:
    return Account(int.from_bytes(rows[0][0], "little"), rows[0][1]) if rows else UNKNOWN_ACCOUNT
