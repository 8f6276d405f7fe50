"""Other executors: programs, with a command line of either shape, their log, their end."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from pathlib import Path

import pytest

from genvm_replay import calldata
from genvm_replay.errors import UsageError
from genvm_replay.manager.orders import RunOrder
from genvm_replay.manager.versions import Versions

from .conftest import MakeRuns
from .nodes import MOMENT, ended, message, order

PROGRAM = f"""#!{sys.executable}
import json, os, signal, sys, time
with open(__file__ + ".told", "w") as file:
    json.dump({{"arguments": sys.argv[1:], "stdin": sys.stdin.buffer.read().hex()}}, file)
number = int(sys.argv[1].removeprefix("--log-fd="))
os.write(number, b'{{"level": "info", "message": "begun"}}\\nplain\\n[1]\\n' + b"no end")
print("out")
print("err", file=sys.stderr)
sys.stdout.flush()
wish = json.loads(sys.argv[sys.argv.index("--host-data") + 1]).get("wish") if "--host-data" in sys.argv else ""
if wish == "endless" and os.fork() == 0:
    while True:
        os.write(1, b"y" * 4096)
if wish == "log":
    for _ in range(200):
        os.write(number, b"x" * 20_000 + b"\\n")
if wish == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(number, b"\\nstubborn\\n")
    time.sleep(60)
if wish == "grandchild" and os.fork() == 0:
    time.sleep(3)
sys.exit(3 if wish == "fail" else 0)
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where the program writes what it was given."""
    program = tmp_path / "executor" / "v1.2.3" / "bin" / "genvm"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return program.with_name("genvm.told")


@pytest.fixture
def versions(tmp_path: Path, told: Path) -> Versions:
    return Versions(tmp_path, reroute_to="v1.2.3")


def wishing(wish: str, **changes: object) -> RunOrder:
    """An order that the program reads a wish from."""
    host_data = {"node_address": "0x1", "tx_id": "0x2", "wish": wish}
    return order("127.0.0.1:1", host_data=host_data, **changes)


@pytest.mark.parametrize(
    "words",
    [
        ["--execution-data", "/etc/passwd"],
        ["--execution-data=fd://3"],
        ["--host=unix:///x"],
        ["--log-fd=1"],
        ["x"],
    ],
    ids=" ".join,
)
def test_no_word_of_a_caller_names_a_file(
    make_runs: MakeRuns, versions: Versions, told: Path, words: list
) -> None:
    """Other executors have options that read files or dial somebody else: only the documented ones are passed on."""

    async def scene() -> None:
        async with make_runs(versions) as runs:
            with pytest.raises(UsageError, match="extra_args"):
                await runs.start(order("127.0.0.1:1", extra_args=words))

    asyncio.run(scene())
    assert not told.exists()


def test_both_shapes_of_the_command_line(
    make_runs: MakeRuns, versions: Versions, told: Path, tmp_path: Path
) -> None:
    """All as arguments, or the calldata on standard input; what it prints is captured, its log read line by line."""

    async def scene() -> None:
        async with make_runs(versions) as runs:
            first = await runs.start(order("127.0.0.1:1", extra_args=["--print=result"]))
            finished = await ended(runs, first)
            words = json.loads(told.read_text())
            assert words["stdin"] == ""
            begin = ["--log-fd=3", "run", "--print=result", "--sync", "--host-data"]
            assert words["arguments"][:5] == begin
            assert words["arguments"][6:9] == ["--host", "127.0.0.1:1", "--message"]
            assert json.loads(words["arguments"][5]) == {"node_address": "0x1", "tx_id": "0x2"}
            assert json.loads(words["arguments"][9]) == message(value=0)
            assert words["arguments"][10] == f"--cookie={first:016x}"
            assert (finished.exit_code, finished.error, finished.recorded_id) == (0, None, None)
            assert (finished.stdout, finished.stderr) == ("out\n", "err\n")
            said = ["begun", "plain", "[1]", "no end"]
            assert finished.genvm_log == [{"level": "info", "message": text} for text in said]

            sent = {"calldata": base64.b64encode(b"\x00").decode(), "code": base64.b64encode(b"# c").decode()}
            more = {"is_sync": False, "storage_pages": 7, "extra_args": []}
            second = await runs.start(order("127.0.0.1:1", **sent, **more))
            await ended(runs, second)
            words = json.loads(told.read_text())
            rest = ["--storage-pages", "7", "--host", "127.0.0.1:1", f"--genvm-id={second}"]
            assert words["arguments"] == ["--log-fd=3", "run", *rest]
            data = calldata.decode(bytes.fromhex(words["stdin"]))
            assert isinstance(data, dict)
            assert (data["calldata"], data["code"]) == (b"\x00", b"# c")
            assert data["message"]["datetime"] == MOMENT

    asyncio.run(scene())


def test_how_a_program_ends(make_runs: MakeRuns, versions: Versions, tmp_path: Path) -> None:
    """With a code; with the deadline, by force where it does not listen; nobody waits for what it left behind."""

    async def scene() -> None:
        async with make_runs(versions, grace_s=0.2) as runs:
            failing = await ended(runs, await runs.start(wishing("fail")))
            assert (failing.exit_code, str(failing.error)[:17]) == (3, "executor_failed: ")
            leaving = await ended(runs, await runs.start(wishing("grandchild")))
            assert (leaving.exit_code, leaving.stdout) == (0, "out\n")
            flooding = await ended(runs, await runs.start(wishing("endless")))
            assert (flooding.exit_code, flooding.error) == (0, None)
            run_id = await runs.start(wishing("stubborn", deadline=1))
            stubborn = await ended(runs, run_id)
            assert (stubborn.cause, stubborn.exit_code) == ("deadline", -signal.SIGKILL)
            assert str(stubborn.error).startswith("deadline: signal 9 ")
            assert stubborn.genvm_log[-1]["message"] == "stubborn"

    asyncio.run(scene())


def test_nothing_is_captured_unless_asked_for(make_runs: MakeRuns, versions: Versions) -> None:
    """Its log goes to the manager's, by the id of the run."""
    lines: list[tuple[int, object]] = []

    async def scene() -> int:
        async with make_runs(versions, on_log=lambda run_id, line: lines.append((run_id, line))) as runs:
            run_id = await runs.start(order("127.0.0.1:1", capture_output=False))
            finished = await ended(runs, run_id)
            assert (finished.stdout, finished.stderr, finished.genvm_log) == ("", "", ())
        return run_id

    run_id = asyncio.run(scene())
    assert lines[0] == (run_id, {"level": "info", "message": "begun"})
    assert len(lines) == 4


def test_no_run_fills_the_managers_log(make_runs: MakeRuns, versions: Versions) -> None:
    """What nobody captures is bounded as what is captured; the log says where it ends."""
    lines: list[dict] = []

    async def scene() -> None:
        async with make_runs(versions, on_log=lambda _, line: lines.append(dict(line))) as runs:
            await ended(runs, await runs.start(wishing("log", capture_output=False)))

    asyncio.run(scene())
    assert 40 < len(lines) < 60
    assert "left out" in lines[-1]["message"]
