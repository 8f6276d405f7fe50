"""`minimise` on the command line: the test that it writes fails on the difference, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from msgspec import structs

from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import StorageWrite

BAD = "11" * 32


@pytest.fixture
def different(recorded):
    """A transaction whose record says that it wrote something else; at which event."""
    with open_database(recorded) as store:
        run = store.load_run(3)
        recorder = store.begin_run(structs.replace(run.header, tx=bytes.fromhex(BAD)))
        place = None
        for seq, event in enumerate(run.read_line("main")):
            request = event.request
            if place is None and isinstance(request, StorageWrite):
                place, request = seq, structs.replace(request, data=b"other")
            recorder.line("main").append(request, event.answer)
        store.commit(recorder.finish(run.footer))
    return place


def test_the_written_test_fails_as_long_as_it_differs(run, run_json, different, tmp_path):
    target = tmp_path / "test_it.py"
    told = run_json("minimise", BAD, "--to", target)
    assert (told.code, told.err) == (0, "")
    found = told.object
    assert (found["file"], found["archive"]) == (str(target), str(tmp_path / "test_it.archive"))
    assert found["events"] == different + 1 < found["events_before"]
    assert (found["divergence"]["line"], found["divergence"]["seq"]) == ("main", different)
    (tmp_path / "journal.db").unlink()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_0x111111111111_replays_identically" in done.stdout
    assert f"main[{different}]" in done.stdout or f"event {different}" in done.stdout
    compile(target.read_text(), str(target), "exec")


def test_for_people(run, different, tmp_path):
    told = run("minimise", BAD, "--to", tmp_path / "test_it.py")
    assert told.code == 0
    assert f"{different + 1} of " in told.out
    assert f"main[{different}], data" in told.out


@pytest.mark.parametrize(
    ("name", "there", "text"),
    [
        ("test_it.txt", None, "ends in .py"),
        ("test_it.py", "test_it.py", "is there already"),
        ("test_it.py", "test_it.archive", "is there already"),
    ],
)
def test_bad_names(run, different, tmp_path, name, there, text):
    if there:
        (tmp_path / there).touch()
    told = run("minimise", BAD, "--to", tmp_path / name)
    assert (told.code, text in told.err) == (2, True)


def test_an_identical_run_is_told_and_nothing_written(run, run_json, recorded, tmp_path):
    tx = run_json("runs", "--limit", 1).object["tx"]
    told = run("minimise", tx, "--to", tmp_path / "test_it.py")
    assert (told.code, "replays identically here" in told.err) == (2, True)
    assert not list(tmp_path.glob("test_it*"))


def test_a_folder_that_is_not_there(run, different, tmp_path):
    told = run("minimise", BAD, "--to", tmp_path / "none" / "test_it.py")
    assert (told.code, "can't write" in told.err) == (3, True)
