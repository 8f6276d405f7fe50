"""Several processes write to one database: no change is lost, none is done twice, and everybody comes through."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.journal.database import open_database
from genvm_replay.journal.postgres_database import ATTEMPTS_MAX, PostgresDatabase
from tests.postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, ROUNDS = 4, 20
SHARED, SLOT = b"\xa1" * 20, b"\x51" * 32

# Each round adds one to a counter that all share and to one of its own, and stores one payload that all have in common.
WRITER = """
import sys
from genvm_replay.journal.database import open_database
from genvm_replay.journal.delta import Account, PageKey, StateConflict, StateDelta
from genvm_replay.journal.events import OK, Event, WriteStream
from tests.journal.samples import many_events, record

url, number, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store, own = open_database(url), bytes([number]) * 20
keys = [PageKey(b"\\xa1" * 20, b"\\x51" * 32, 0), PageKey(own, b"\\x51" * 32, 0)]
print("ready", flush=True)
sys.stdin.readline()
for i in range(rounds):
    page = Event(WriteStream(1, bytes([i]) * 20_000), OK)
    run = record({"main": [*many_events(50, seed=number), page]})
    while True:
        with store.state.snapshot():
            versions = {key.address: store.state.contract_version(key.address) for key in keys}
            account = store.state.account(own)
            pages = {key: str(int(store.state.read_page(*key).rstrip(b"\\0") or 0) + 1).encode() for key in keys}
        try:
            print(store.commit(
                run,
                state=StateDelta(pages=pages, accounts={own: Account(account.balance + 1, i)}),
                expected_versions=versions,
                expected_accounts={own: account},
            ), flush=True)
            break
        except StateConflict:
            pass
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "journal.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


def test_no_change_is_lost(url: str) -> None:
    """All counters end at the number of rounds, whoever was in whose way; all runs are there and sound."""
    started = [
        subprocess.Popen(
            [sys.executable, "-B", "-c", WRITER, url, str(number), str(ROUNDS)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate(timeout=60)[1]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    acknowledged: list[int] = []
    for process in started:
        told, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        acknowledged += map(int, told.split())
    with open_database(url) as store:
        runs = store.list_runs(limit=1000)
        assert sorted(acknowledged) == sorted(run.id for run in runs)
        assert len(runs) == PROCESSES * ROUNDS
        for run in runs:
            store.verify_run(run.id)
        counted = {address: int(page.rstrip(b"\0")) for address, page in counters(store)}
        assert counted == {SHARED: PROCESSES * ROUNDS} | {bytes([n]) * 20: ROUNDS for n in range(PROCESSES)}
        assert store.state.contract_version(SHARED) == PROCESSES * ROUNDS
        assert [store.state.account(bytes([n]) * 20).balance for n in range(PROCESSES)] == [
            ROUNDS
        ] * PROCESSES
        [(payloads,)] = store.database.fetch_plain("SELECT count(*) FROM blobs")
        assert payloads == ROUNDS


def counters(store):  # type: ignore[no-untyped-def]
    """Address and contents of each counter."""
    for address in store.state.contracts():
        yield address, store.state.read_page(address, SLOT, 0)


def test_attempts_are_bounded(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another writer wins every time, the end is an error that says so, not a wait for ever."""
    monkeypatch.setattr("genvm_replay.journal.postgres_database.PAUSE_S_MAX", 0.0)
    url = postgres.new_journal()
    mine, theirs = PostgresDatabase(url), PostgresDatabase(url)
    mine.write(lambda connection: connection.exec_driver_sql("INSERT INTO meta VALUES ('test', '0')"))
    attempts = []

    def work(connection) -> None:  # type: ignore[no-untyped-def]
        attempts.append(1)
        connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'test'").all()
        theirs.write(
            lambda other: other.exec_driver_sql("UPDATE meta SET value = value || 'x' WHERE key = 'test'")
        )
        connection.exec_driver_sql("UPDATE meta SET value = 'mine' WHERE key = 'test'")

    with pytest.raises(EnvironmentProblem, match="other processes wrote to it all the time; try again"):
        mine.write(work)
    assert len(attempts) == ATTEMPTS_MAX
    [(value,)] = mine.fetch_plain("SELECT value FROM meta WHERE key = 'test'")
    assert value == "0" + "x" * ATTEMPTS_MAX
    mine.close()
    theirs.close()
