"""How the local node's state lies in the database."""

from __future__ import annotations

from pathlib import Path

from genvm_replay.journal.database import open_database
from genvm_replay.journal.delta import PAGE_BYTES, PageKey, StateDelta

from .samples import raw, record

RUN = record({})
ALICE = b"\xa1" * 20
SLOT = b"\x51" * 32
KEY = PageKey(ALICE, SLOT, 0)


def test_zeros_take_no_room(tmp_path: Path) -> None:
    """Trailing zeros are trimmed; a page of zeros has no row."""
    path = tmp_path / "journal.db"
    with open_database(path) as store, raw(path) as connection:
        first = {KEY: b"a".ljust(PAGE_BYTES, b"\0"), PageKey(ALICE, SLOT, 1): b"b"}
        store.commit(RUN, state=StateDelta(pages=first))
        assert connection.execute("SELECT length(data) FROM storage_pages").fetchall() == [(1,), (1,)]
        store.commit(RUN, state=StateDelta(pages={KEY: bytes(PAGE_BYTES)}))
        assert connection.execute("SELECT page FROM storage_pages").fetchall() == [(1,)]
        assert store.state.read_page(*KEY) == bytes(PAGE_BYTES)
