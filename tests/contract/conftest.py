"""Three journals that keep one contract: in memory, in an SQLite file, on a Postgres server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from genvm_replay.journal.database import open_database
from genvm_replay.journal.memory_store import MemoryJournal, MemoryStore
from genvm_replay.journal.store import Store
from tests.postgres import PostgresServer

Open = Callable[..., Store]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one and the same journal, as often as asked: each time as another process would."""
    with ExitStack() as stack:
        if request.param == "memory":
            journal = MemoryJournal()
            yield lambda **options: stack.enter_context(MemoryStore(journal, **options))
        elif request.param == "sqlite":
            path = tmp_path / "journal.db"
            yield lambda **options: stack.enter_context(open_database(path, **options))
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            url = server.new_journal()
            yield lambda **options: stack.enter_context(open_database(url, **options))


@pytest.fixture
def store(opened: Open) -> Store:
    """The journal, opened once."""
    return opened()
