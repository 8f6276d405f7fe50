"""Migrations: the schema they make is the metadata's, and they can be undone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.journal import migrate, schema
from genvm_replay.journal.database import open_database
from genvm_replay.journal.sqlite_database import SqliteDatabase

from .samples import many_events, raw, record

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    open_database(path).close()
    return path


def declared(path: Path) -> dict[str, str]:
    with raw(path) as connection:
        return dict(
            connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        )


def test_migrated_schema_is_the_metadata(path: Path, tmp_path: Path) -> None:
    """Compared by alembic, and column by column with what `create_all` makes."""
    database = SqliteDatabase(path, "rw")
    context = MigrationContext.configure(
        database.connection, opts={"compare_type": True, "compare_server_default": True}
    )
    assert compare_metadata(context, schema.metadata) == []
    made = SqliteDatabase(tmp_path / "made.db", "rwc")
    schema.metadata.create_all(made.connection)
    for table in schema.metadata.tables:
        for pragma in ("table_info", "foreign_key_list"):
            statement = f"PRAGMA {pragma}({table})"
            rows = [
                sorted(map(tuple, opened.connection.exec_driver_sql(statement)), key=repr)
                for opened in (database, made)
            ]
            assert rows[0] == rows[1]
    made.close()
    database.close()


def test_every_column_has_a_type(path: Path) -> None:
    """SQLite ignores an index on a column without one."""
    with raw(path) as connection:
        for table in schema.metadata.tables:
            for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})"):
                assert kind, f"{table}.{name}"


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT id FROM runs WHERE tx BETWEEN x'00' AND x'ff'", "ix_runs_tx"),
        ("SELECT id FROM runs WHERE root = x'00'", "ix_runs_root"),
        ("SELECT tx FROM runs WHERE contract = x'00' ORDER BY id DESC LIMIT 5", "ix_runs_contract"),
        ("SELECT data FROM blobs WHERE hash = x'00'", "sqlite_autoindex_blobs_1"),
        (
            "SELECT data FROM segments WHERE run_id = 1 AND line = 'main' AND number >= 3 ORDER BY number",
            "segments",
        ),
        (
            "SELECT data FROM storage_pages WHERE address = x'00' AND slot = x'00' AND page = 1",
            "storage_pages",
        ),
    ],
)
def test_queries_use_their_index(path: Path, query: str, index: str) -> None:
    """No look-up scans a table or sorts."""
    with raw(path) as connection:
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "USING" in plan
    assert index in plan
    assert "SCAN" not in plan
    assert "B-TREE" not in plan


def test_head_is_the_newest_script() -> None:
    """The constant that a fast opening compares with."""
    assert migrate.known_versions()[0] == schema.HEAD


def test_down_and_up(path: Path) -> None:
    """Each migration can be undone and done again."""
    before = declared(path)
    database = SqliteDatabase(path, "rw")
    for target, direction in (("base", alembic.command.downgrade), ("head", alembic.command.upgrade)):
        with database.writing() as connection:
            direction(migrate.config(connection), target)
        if target == "base":
            assert set(declared(path)) == {"alembic_version"}
    database.close()
    assert declared(path) == before
    with open_database(path) as store:
        store.verify_run(store.commit(record({"main": many_events(3)})))


def test_runs_of_the_first_schema_are_refused(tmp_path: Path) -> None:
    """No release wrote them; the error says what to do, and nothing is changed."""
    path = tmp_path / "old.db"
    database = SqliteDatabase(path, "rwc")
    with database.writing() as connection:
        alembic.command.upgrade(migrate.config(connection), "journal_0001")
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(runs)")]
        values = ", ".join("1" if name == "id" else "''" for name in columns if name != "parent_id")
        names = ", ".join(name for name in columns if name != "parent_id")
        connection.exec_driver_sql(f"INSERT INTO runs ({names}) VALUES ({values})")
    database.close()
    before = declared(path)
    with pytest.raises(EnvironmentProblem, match=r"old\.db: it can't be migrated: .*record them again"):
        open_database(path)
    assert declared(path) == before


def test_scripts_are_found() -> None:
    """In a checkout, at its top."""
    assert migrate.scripts() == ROOT / "migrations"


def test_scripts_are_found_in_an_installation(tmp_path: Path) -> None:
    """A wheel has them in `genvm_replay/_migrations` (pyproject.toml, force-include)."""
    installed = tmp_path / "100% of it" / "genvm_replay"
    for name in ("journal", "calldata"):
        shutil.copytree(ROOT / "genvm_replay" / name, installed / name)
    shutil.copytree(ROOT / "migrations", installed / "_migrations")
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "genvm_replay" / name, installed)
    code = (
        "import sys; from genvm_replay.journal import database, migrate;"
        " database.open_database(sys.argv[1]).close(); print(migrate.scripts())"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path / "new.db")],
        env={**os.environ, "PYTHONPATH": str(installed.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == str(installed / "_migrations")


def test_a_failed_migration_leaves_nothing(tmp_path: Path) -> None:
    """The migration is one transaction."""
    path = tmp_path / "new.db"
    database = SqliteDatabase(path, "rwc")

    def interrupted() -> None:
        with database.writing() as connection:
            alembic.command.upgrade(migrate.config(connection), "head")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    database.close()
    assert declared(path) == {}
    open_database(path).close()


def test_migrations_need_a_connection() -> None:
    """There is no alembic.ini with a URL of its own."""
    with pytest.raises(RuntimeError, match=r"migrate\.py"):
        alembic.command.current(migrate.config())
