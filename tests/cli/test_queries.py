"""`query` and `db`."""

from __future__ import annotations

import csv
import sqlite3

import alembic.command
import pytest

from genvm_replay.journal.migrate import config
from genvm_replay.journal.sqlite_database import SqliteDatabase


def test_query_as_json_csv_and_text(run, run_json, recorded, trouble):
    told = run_json("query", "--contract", trouble, "--result", "user_error").object
    assert (told["run"], told["method"], told["error"], told["contract"]) == (
        4,
        "refuse",
        "no",
        trouble.lower(),
    )
    rows = list(csv.DictReader(run("query", "--csv").out.splitlines()))
    assert [row["run"] for row in rows] == ["5", "4", "3", "2", "1"]
    assert [row["method"] for row in rows] == ["crash", "refuse", "keep", "add", ""]
    text = run("query", "--method", "add")
    assert text.out.splitlines()[0].split()[:4] == ["run", "tx", "contract", "method"]
    assert len(text.out.splitlines()) == 2
    assert run_json("query", "storage", "--method", "add").object["writes"] == 1
    assert [row["line"] for row in run_json("query", "events").objects] == ["main"] * 5


def test_query_pages_are_told(run, run_json, recorded):
    first = run("--json", "query", "--limit", "3")
    assert [len(first.out.splitlines()), first.err] == [3, "there are more: --before 3\n"]
    rest = run_json("query", "--limit", "3", "--before", "3")
    assert [row["run"] for row in rest.objects] == [2, 1]
    assert rest.err == ""
    nothing = run("query", "answers")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "nothing found\n")


@pytest.mark.parametrize(
    "words",
    [
        ("--contract", "x"),
        ("--since", "yesterday"),
        ("--fingerprint", "abc"),
        ("--fingerprint", "00"),
        ("--result", "good"),
        ("--limit", "0"),
        ("--csv", "--json"),
        ("nothing",),
    ],
)
def test_query_wrong_usage(run, recorded, words):
    told = run("query", *words)
    assert told.code == 2
    assert "Traceback" not in told.err


def test_db_upgrade_creates_and_is_idempotent(run_json, run, tmp_path):
    told = run_json("db", "upgrade")
    assert (told.code, told.object["before"]) == (0, None)
    again = run_json("db", "upgrade").object
    assert again["before"] == again["after"] == told.object["after"]
    assert "is current" in run("db", "upgrade").out


def test_db_upgrade_of_an_old_schema(run_json, run, recorded):
    database = SqliteDatabase(recorded, "rw")
    with database.writing() as connection:
        alembic.command.downgrade(config(connection), "journal_0002_proofs")
    database.close()
    assert run_json("db", "upgrade").object["before"] == "journal_0002_proofs"
    assert run_json("verify").code == 0
    assert [row["run"] for row in run_json("query").objects] == [5, 4, 3, 2, 1]


def test_db_check_stats_vacuum(run_json, run, recorded):
    assert run_json("db", "check").object == {"database": str(recorded), "ok": True, "problems": []}
    told = run_json("db", "stats").object
    assert (told["runs"], told["contracts"], told["database_bytes"]) == (5, 1, recorded.stat().st_size)
    assert "runs" in run("db", "stats").out
    assert run_json("db", "vacuum").code == 0
    assert run_json("verify").code == 0
    with sqlite3.connect(recorded) as connection:
        connection.execute("INSERT INTO payload_references VALUES (1, zeroblob(32))")
    broken = run_json("db", "check")
    assert (broken.code, broken.object["ok"]) == (1, False)
    assert "refers to a payload that is not there" in run("db", "check").out


def test_db_needs_a_database(run, tmp_path):
    for command in ("check", "stats"):
        told = run("db", command)
        assert (told.code, told.out) == (3, "")
        assert "no journal here" in told.err
    path = tmp_path / "text"
    path.write_text("no database, but long enough to be read as one\n" * 40)
    for command in ("check", "stats", "upgrade", "vacuum"):
        assert run("--db", path, "db", command).code == 3
