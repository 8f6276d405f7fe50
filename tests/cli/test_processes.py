"""What only whole processes show: signals, pipes, neighbours, how soon they start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import CONTRACTS, start, wait

SECONDS_TO_END = 2.0
SECONDS_OF_START = 1.5  # processor time; what a process used beyond it, it spent in the contract
SECONDS_MAX = 60.0


def wait_until_busy(pid: int) -> None:
    """Wait until a process has computed for longer than its start takes."""
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > SECONDS_OF_START:
            return
        time.sleep(0.05)
    pytest.fail("the process does nothing")


@pytest.mark.parametrize("json", [False, True])
def test_ctrl_c_ends_at_once_and_commits_nothing(run_json, trouble, json):
    flags = ["--json"] if json else []
    before = len(run_json("runs").objects)
    process = start("call", trouble, "spin", "--deadline", "0", *flags)
    wait_until_busy(process.pid)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    ended = wait(process)
    assert time.monotonic() - pressed < SECONDS_TO_END
    assert (ended.code, ended.err) == (130, "interrupted: nothing was committed\n")
    if json:
        assert ended.object["error"]["kind"] == "interrupted"
    assert len(run_json("runs").objects) == before


def test_a_reader_that_goes_away_is_no_error(trouble, run_json):
    tx = run_json("runs", "--limit", 1).object["tx"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        process = subprocess.Popen(
            [sys.executable, "-m", "genvm_replay", "show", tx, "--events"],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
        )
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


@pytest.mark.parametrize("flags", [(), ("--json",)])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_under_the_output_is_told(recorded, flags):
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "genvm_replay", *flags, "runs"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "error: No space left on device\n")


def test_no_standard_output_at_all(recorded):
    command = f"'{sys.executable}' -m genvm_replay --json runs >&-"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_processes_on_one_database_take_turns(run_json, trouble):
    """No call is lost and none is done twice, however the processes meet."""
    done = [wait(process) for process in [start("--json", "call", trouble, "add", "1") for _ in range(6)]]
    assert [one.code for one in done] == [0] * 6
    assert sorted(one.object["result"]["value"] for one in done) == [9, 10, 11, 12, 13, 14]
    assert run_json("call", trouble, "get").object["result"]["value"] == 14
    replayed = run_json("replay", "--all")
    assert (replayed.code, len(replayed.objects)) == (0, 12)


def test_processes_that_create_one_database_both_succeed():
    done = [
        wait(process) for process in [start("--json", "deploy", CONTRACTS / "trouble.py") for _ in range(3)]
    ]
    assert [one.code for one in done] == [0, 0, 0]
    assert len({one.object["tx"] for one in done}) == 3


def imported(*words: str) -> set[str]:
    """The modules that a command imports."""
    script = (
        "import sys, os\n"
        "from genvm_replay.cli.main import program\n"
        "try: program.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("replay", "--help"), ("demo", "--help")])
def test_help_imports_nothing_heavy(words):
    heavy = {"sqlalchemy", "psycopg", "wasmtime", "alembic", "msgspec", "rich", "Crypto", "platformdirs"}
    assert not imported(*words) & heavy


def test_listing_runs_needs_no_engine_and_no_migrations(recorded):
    assert not imported("runs") & {"wasmtime", "alembic", "rich", "psycopg"}
