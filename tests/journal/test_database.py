"""Opening a database: what is created, what is refused and how, what stays out of the way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.journal.database import database_path, open_database
from genvm_replay.journal.events import OK, Event, WriteStream
from genvm_replay.journal.schema import APPLICATION_ID, HEAD
from genvm_replay.journal.sqlite_database import SqliteDatabase

from .samples import many_events, raw, record

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
RUN = record({"main": many_events(20)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


# The rights are dropped after the imports: nobody may be unable to read this installation of Python.
AS_NOBODY = f"""
import os, tempfile
from genvm_replay.journal.database import open_database
if os.getuid() == 0:
    with tempfile.TemporaryDirectory() as folder:
        open_database(folder + "/warm.db").close()
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
"""


def python(code: str, *args: object, nobody: bool = False) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process; `nobody`: without the rights of root."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "-B", "-c", (AS_NOBODY if nobody else "") + code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done


def pragma(path: Path, name: str) -> object:
    with raw(path) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


URLS: list[tuple[str, Path]] = [
    ("/a/b.db", Path("/a/b.db")),
    ("sqlite:////a/b.db", Path("/a/b.db")),
    ("sqlite:///b.db", Path.cwd() / "b.db"),
    ("b.db", Path.cwd() / "b.db"),
    ("~/b.db", Path.home() / "b.db"),
    ("/odd ?#%/b.db", Path("/odd ?#%/b.db")),
]


@pytest.mark.parametrize(("url", "path"), URLS)
def test_urls(url: str, path: Path) -> None:
    """A path, or an SQLite URL."""
    assert database_path(url) == path


@pytest.mark.parametrize(
    "url",
    [
        "mysql://host/db",
        "sqlite+pysqlite:///x",
        "postgresql:/u:secret@host/db",
        "",
        "sqlite:///",
        ":memory:",
        "a\0b",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """Other databases are not supported."""
    with pytest.raises(UsageError):
        database_path(url)


def test_new_database(tmp_path: Path) -> None:
    """Folders are made; the file is marked as ours and has our settings; no lock file stays."""
    path = tmp_path / "new folder?" / "deeper" / "journal%20#.db"
    with open_database(path) as store:
        run_id = store.commit(RUN)
    with open_database(f"sqlite:///{path}") as store:
        assert list(store.load_run(run_id).read_line("main")) == many_events(20)
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "page_size") == 8192
    assert pragma(path, "journal_mode") == "wal"
    assert os.listdir(path.parent) == [path.name]


def test_empty_file_is_new(path: Path) -> None:
    """As made by `touch` or `mktemp`."""
    path.touch()
    with open_database(path) as store:
        store.commit(RUN)


@pytest.mark.parametrize(("durability", "level"), [("full", 2), ("normal", 1)])
def test_settings_of_a_connection(path: Path, durability: str, level: int) -> None:
    """Durability is the caller's choice; foreign keys hold."""
    with open_database(path, durability=durability) as store:  # type: ignore[arg-type]
        connection = store.database.connection
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def text_file(path: Path) -> None:
    path.write_text("just some text, but long enough to have room for a header of SQLite\n" * 20)


def folder(path: Path) -> None:
    path.mkdir()


def foreign_database(path: Path) -> None:
    with raw(path) as connection:
        connection.execute("CREATE TABLE cookies (name)")


def foreign_meta(path: Path) -> None:
    with raw(path) as connection:
        connection.execute("CREATE TABLE meta (key, value)")
        connection.execute("INSERT INTO meta VALUES ('format', 'recipes')")


def foreign_alembic(path: Path) -> None:
    with raw(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES ('1234abcd')")


def other_meta_columns(path: Path) -> None:
    with raw(path) as connection:
        connection.execute("CREATE TABLE meta (id, format)")


def newer_schema(path: Path) -> None:
    open_database(path).close()
    with raw(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'journal_9999'")


def folder_is_a_file(path: Path) -> None:
    path.parent.joinpath("journal.db").write_text("")


REFUSED: list[tuple[Callable[[Path], None], str]] = [
    (text_file, "not an SQLite database; choose another path"),
    (folder, "it is a folder"),
    (foreign_database, r"a database of another program \(tables: cookies\)"),
    (foreign_meta, "another program"),
    (foreign_alembic, "another program"),
    (other_meta_columns, "another program"),
    (newer_schema, f"'journal_9999' was made by a newer release; this is .* knows up to '{HEAD}'; upgrade"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
@pytest.mark.parametrize("read_only", [False, True])
def test_refused(path: Path, make: Callable[[Path], None], message: str, read_only: bool) -> None:
    """Says what, where and what to do; the file stays as it was."""
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(EnvironmentProblem, match=message) as caught:
        open_database(path, read_only=read_only)
    assert str(path) in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else None)


def test_no_folder_can_be_made(path: Path) -> None:
    """The parent is a file."""
    path.write_text("")
    with pytest.raises(EnvironmentProblem, match=r"journal\.db"):
        open_database(path / "below.db")


def test_reading_only_what_is_there(path: Path) -> None:
    """`read_only` creates nothing."""
    with pytest.raises(EnvironmentProblem, match="no journal here"):
        open_database(path, read_only=True)
    assert not path.exists()


def test_read_only_on_request(path: Path) -> None:
    """Reads work; the first write says why not."""
    with open_database(path) as store:
        run_id = store.commit(RUN)
    with open_database(path, read_only=True) as store:
        store.verify_run(run_id)
        with pytest.raises(EnvironmentProblem, match="open for reading only"):
            store.commit(RUN)
        with pytest.raises(EnvironmentProblem, match="open for reading only"):
            store.state.drop()


def test_old_schema_needs_write_access(path: Path) -> None:
    """Reading does not migrate; writing does."""
    open_database(path).close()
    with raw(path) as connection:
        connection.execute("DELETE FROM alembic_version")
    with pytest.raises(EnvironmentProblem, match="its schema is old"):
        open_database(path, read_only=True)


READ = """
import sys
from genvm_replay.errors import EnvironmentProblem
from genvm_replay.journal.database import open_database
store = open_database(sys.argv[1])
store.verify_run(1)
try:
    store.state.drop()
except EnvironmentProblem as problem:
    print(len(store.list_runs()), problem)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can reach, with a journal of one run."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    path = folder / "journal.db"
    with open_database(path) as store:
        store.commit(RUN)
    yield path
    folder.chmod(0o777)
    shutil.rmtree(folder)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o666, 0o555), (0o444, 0o555)])
def test_without_permission_it_reads(shared: Path, file_mode: int, folder_mode: int) -> None:
    """A file or folder that can't be written is opened for reading by itself."""
    shared.chmod(file_mode)
    shared.parent.chmod(folder_mode)
    done = python(READ, shared, nobody=True)
    assert done.stderr == ""
    assert done.stdout.startswith("1 ")
    assert "open for reading only; check the permissions" in done.stdout


def test_without_permission_it_reads_what_is_not_yet_in_the_file(shared: Path) -> None:
    """Another user has it open: the newest runs are in the log."""
    with open_database(shared) as store:
        store.commit(RUN)
        for file in shared.parent.iterdir():
            file.chmod(0o444)
        shared.parent.chmod(0o555)
        done = python(READ, shared, nobody=True)
    assert done.stderr == ""
    assert done.stdout.startswith("2 ")


def test_a_new_database_in_a_read_only_folder(shared: Path) -> None:
    """Refused with the path."""
    shared.parent.chmod(0o555)
    done = python(READ, shared.parent / "new.db", nobody=True)
    assert "EnvironmentProblem" in done.stderr
    assert "new.db: it can't be created: Permission denied; choose another path" in done.stderr


def test_unreadable_file(shared: Path) -> None:
    """Refused with the path."""
    shared.chmod(0)
    done = python(READ, shared, nobody=True)
    assert "EnvironmentProblem" in done.stderr
    assert "journal.db: it can't be opened" in done.stderr


def test_locked_by_another_process(path: Path) -> None:
    """After the timeout the error says what happened; reading goes on, and so does writing when the lock is gone."""
    with open_database(path, busy_timeout_ms=50) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EnvironmentProblem, match="another process kept it locked"):
            store.commit(RUN)
        assert store.list_runs() == []
        other.execute("ROLLBACK")
        other.close()
        assert store.commit(RUN) == 1


def test_full_disk(path: Path) -> None:
    """Nothing is committed, nothing is lost, and the store goes on."""
    with open_database(path) as store:
        store.commit(RUN)
        connection = store.database.connection
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        large = record({"main": [Event(WriteStream(1, os.urandom(200_000)), OK)]})
        with pytest.raises(EnvironmentProblem, match="the disk is full; nothing was committed"):
            store.commit(large)
        assert len(store.list_runs()) == 1
        connection.exec_driver_sql("PRAGMA max_page_count=100000")
        store.verify_run(store.commit(large))


def test_damaged_file(path: Path) -> None:
    """SQLite's own structures are damaged: no crash, a clear error."""
    with open_database(path) as store:
        store.commit(RUN)
    data = bytearray(path.read_bytes())
    data[8192:] = bytes(len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(EnvironmentProblem, match="damaged"):
        open_database(path)


def test_schema_version(path: Path) -> None:
    """None where there is none."""
    database = SqliteDatabase(path, "rwc")
    assert database.version() is None
    database.close()


IMPORTS = """
import sys
from genvm_replay.journal.database import open_database
store = open_database(sys.argv[1])
store.list_runs()
print([name for name in ("alembic", "filelock", "sqlalchemy.orm") if name in sys.modules])
"""


def test_a_current_database_needs_no_alembic(path: Path) -> None:
    """Alembic costs 100 ms and more to import: only for a migration."""
    assert "alembic" in python(IMPORTS, path).stdout
    assert python(IMPORTS, path).stdout == "[]\n"


def test_a_current_database_needs_one_look(path: Path) -> None:
    """Opening runs a single statement that touches the file."""
    open_database(path).close()
    seen: list[str] = []
    with open_database(path) as store:
        driver = store.database.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(seen.append)
        assert store.database.version() == HEAD
    assert len([statement for statement in seen if "PRAGMA" not in statement]) == 1


OPEN = """
import sys
from genvm_replay.journal.database import open_database
from genvm_replay.journal import migrate
print("ready", flush=True)
sys.stdin.readline()
open_database(sys.argv[1]).close()
"""


def test_processes_that_open_a_new_database_at_once(path: Path) -> None:
    """All succeed."""
    started = [
        subprocess.Popen(
            [sys.executable, "-B", "-c", OPEN, str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    with open_database(path) as store:
        store.commit(RUN)
