"""Commands on a Postgres server, and on disks that are full: the same results, clear ends, no secret in any output."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.postgres import PostgresServer

from .conftest import CONTRACTS, start, wait

SECRET = "opensesame"
FILE_BYTES_MAX = (
    64 << 10
)  # more than the shared memory file of SQLite needs, less than the run's pages in its log
SMALL_DISK = (
    sys.executable,
    "-c",
    f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_BYTES_MAX},) * 2);"
    " os.execv(sys.argv[1], sys.argv[1:])",
)


@pytest.fixture
def url(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, in use by this test's commands; its URL has a password."""
    url = postgres.new_database().replace("admin@", f"admin:{SECRET}@")
    monkeypatch.setenv("GENVM_REPLAY_DB", url)
    return url


def test_a_server_instead_of_a_file(run, run_json, url, postgres):
    """Calls of several processes are all done, once each; a role with SELECT only can replay them, and writes nothing."""
    address = run_json("deploy", CONTRACTS / "trouble.py", "5").object["address"]
    done = [wait(process) for process in [start("--json", "call", address, "add", "1") for _ in range(3)]]
    assert [one.code for one in done] == [0] * 3, done
    assert sorted(one.object["result"]["value"] for one in done) == [6, 7, 8]
    database = url.partition("?")[0].rpartition("/")[2]
    postgres.run("CREATE ROLE auditor LOGIN")
    postgres.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor", database)
    reader = url.replace("admin:", "auditor:")
    tx = run_json("runs", "--limit", 1).object["tx"]
    for words in (("verify",), ("replay", "--all"), ("show", tx, "--events"), ("runs",)):
        told = run("--db", reader, *words)
        assert (told.code, SECRET in told.out + told.err) == (0, False), words
    assert run_json("replay", "--all", "--db", reader).code == 0
    told = run("--db", reader, "call", address, "add", "1")
    assert (told.code, told.out) == (3, "")
    assert "it can't be written" in told.err
    assert SECRET not in told.err
    assert len(run_json("runs").objects) == 4


def test_a_server_that_is_not_there(run):
    """Says so, at once, without the password."""
    told = run("--db", f"postgresql://ann:{SECRET}@127.0.0.1:1/journal", "runs")
    assert (told.code, told.out) == (3, "")
    assert "postgresql://ann@127.0.0.1:1/journal: no connection: " in told.err
    assert SECRET not in told.err


def test_a_mistyped_url_is_not_repeated(run):
    """It is no path, and it holds a password."""
    told = run("--db", f"postgresql:/ann:{SECRET}@db/journal", "runs")
    assert (told.code, told.out) == (2, "")
    assert "it is written postgresql://user@host:port/database" in told.err
    assert SECRET not in told.err


def test_a_full_disk_under_the_journal(run_json, trouble, recorded):
    """A real one: no file may grow. The run is told as not committed, what was there is whole, and the next one works."""
    text = Path(__file__).read_text() * 10
    words = ("call", trouble, "keep", f'"{text.encode().hex()}"')
    full = wait(start(*words, before=SMALL_DISK))
    assert (full.code, full.out) == (3, "")
    assert "nothing was committed" in full.err
    assert "Traceback" not in full.err
    verified = run_json("verify")
    assert (verified.code, len(verified.objects)) == (0, 5)
    assert run_json(*words).code == 0
