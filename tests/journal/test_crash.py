"""`kill -9` at any point leaves a journal that opens and verifies; nothing committed is lost (promise 3)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genvm_replay.journal.database import open_database
from genvm_replay.journal.delta import PageKey
from tests.postgres import PostgresServer

from .samples import raw

ROOT = Path(__file__).resolve().parents[2]
KILLS = 4
ADDRESS, SLOT = b"\xa1" * 20, b"\x51" * 32

WRITER = """
import itertools, sys
from genvm_replay.journal.database import open_database
from genvm_replay.journal.delta import PageKey, StateDelta
from tests.journal.samples import many_events, record
from genvm_replay.journal.events import OK, Event, WriteStream
import random

store = open_database(sys.argv[1])
key = PageKey(b"\\xa1" * 20, b"\\x51" * 32, 0)
for i in itertools.count():
    version = store.state.contract_version(key.address)
    page = Event(WriteStream(1, random.randbytes(20_000)), OK)
    run = record({"main": [*many_events(300, seed=i), page]})
    run_id = store.commit(
        run, state=StateDelta(pages={key: str((version or 0) + 1).encode()}), expected_versions={key.address: version}
    )
    print(run_id, flush=True)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "journal.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_journal()


def test_kill_in_the_middle_of_commits(url: str) -> None:
    """Each acknowledged run is there and sound; run and state were committed together."""
    rng, acknowledged = random.Random(7), 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", WRITER, url],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(rng.randint(1, 12)):
            line = process.stdout.readline()
            if not line:
                pytest.fail(process.communicate(timeout=10)[1])
            acknowledged = int(line)
        for _ in range(
            rng.randrange(20_000)
        ):  # a moment, so that the kill meets any point of the next commit
            pass
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
        acknowledged = int(rest.split()[-1]) if rest.split() else acknowledged
        with open_database(url) as store, store.state.snapshot():
            runs = store.list_runs(limit=1000)
            assert acknowledged in {run.id for run in runs}
            for run in runs:
                store.verify_run(run.id)
            assert store.state.contract_version(ADDRESS) == len(runs)
            assert store.state.read_page(*PageKey(ADDRESS, SLOT, 0)).rstrip(b"\0") == str(len(runs)).encode()
        if "://" in url:
            continue
        with raw(Path(url)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
