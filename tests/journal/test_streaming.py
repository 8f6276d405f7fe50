"""A run larger than memory can be read: a process that may not have more than 64 MiB reads half a GiB of events."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import OK, WriteStream
from genvm_replay.journal.recorder import RunRecorder

from .samples import FOOTER, HEADER, raw
from .test_compression import GIGABYTE

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 130_000
BYTES = 4000  # of one event
MIB = 1 << 20
READER = """
import resource, sys
from genvm_replay.errors import JournalError
from genvm_replay.journal.database import open_database

store = open_database(sys.argv[1], read_only=True)
run = store.load_run(int(sys.argv[2]))
run.event("main", 0)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    total = sum(len(event.request.data) for event in run.read_line("main"))
    run.verify()
    run.prove("main", 99_999)
    print(total, len(run.event("main", 129_999).request.data))
except JournalError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with one run, of zeros so that it takes little space on the disk."""
    path = tmp_path_factory.mktemp("large") / "journal.db"
    recorder = RunRecorder(HEADER)
    append, request = recorder.line("main").append, WriteStream(1, bytes(BYTES))
    for _ in range(EVENTS):
        append(request, OK)
    with open_database(path, durability="normal") as store:
        assert store.commit(recorder.finish(FOOTER)) == 1
    return path


def read(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-c", READER, str(path), "1"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_run_larger_than_memory(path: Path) -> None:
    """Streamed, verified, proven, and read at random."""
    assert EVENTS * BYTES > 7 * 64 * MIB
    assert read(path) == f"{EVENTS * BYTES} {BYTES}"


def test_a_segment_that_claims_a_gigabyte(path: Path) -> None:
    """Refused where it stands, without the memory it asks for."""
    with raw(path) as connection:
        connection.execute("UPDATE segments SET data = ? WHERE number = 1000", (GIGABYTE,))
    assert "announces 1073741824 bytes" in read(path)
