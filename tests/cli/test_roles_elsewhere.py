"""The roles on a Postgres server and with runner archives: what holds in a file, with built-in runners, holds there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from executor.runners.archives import tarred
from guest.block_runs import Modules, running_modules
from replay.oracle_modules import ORACLE, say

from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.executor.runners.nix_base32 import runner_hash
from genvm_replay.executor.runners.runner_id import RunnerId
from genvm_replay.journal.database import open_database
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench
from tests.postgres import PostgresServer

LIBRARY = b"def near(one, other):\n    return abs(one - other) <= 5\n"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    with running_modules() as running:
        monkeypatch.setenv("GENVM_REPLAY_LLM", running.address)
        monkeypatch.setenv("GENVM_REPLAY_WEB", running.address)
        yield running


@pytest.fixture
def journal(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty journal on a Postgres server, which the commands use."""
    url = postgres.new_journal()
    monkeypatch.setenv("GENVM_REPLAY_DB", url)
    return url


@pytest.fixture
def runners(tmp_path: Path) -> tuple[Path, str]:
    """A folder with one runner archive, a Python library, and its id."""
    tar = tarred(
        {
            "runner.json": b'{"MapFile": {"to": "/py/libs/nearness.py", "file": "nearness.py"}}',
            "nearness.py": LIBRARY,
        }
    )
    runner = f"nearness:{runner_hash(tar)}"
    path = tmp_path / "runners" / RunnerId.parse(runner).path
    path.parent.mkdir(parents=True)
    path.write_bytes(tar)
    return tmp_path / "runners", runner


def rows(told) -> list[tuple]:
    return [(one["role"], one["vote"]) for one in told.objects]


def test_rounds_on_a_server(run, run_json, modules, journal: str, monkeypatch) -> None:
    """Leader, validators, a syncing node, an appeal; the table is right, and all of it replays with no module."""
    say(modules, 480)  # the leader's own module lies
    address = run_json("deploy", ORACLE).object["address"]
    tx = run_json("call", address, "update", '"gen"').object["tx"]
    say(modules, 100)
    assert rows(run_json("validate", tx, "--count", 2)) == [("validator", "disagree")] * 2
    assert rows(run_json("sync", tx)) == [("sync", "agree")]
    assert rows(run_json("appeal", tx, "--count", 2)) == [("leader", None), *[("appeal", "disagree")] * 2]
    assert rows(run_json("validate", tx, "--count", 2)) == [("validator", "agree")] * 2
    table = run_json("rounds", tx).objects
    assert [one["name"] for one in table] == [None, "1", "2", "3", "4", "5", "6", "1", "2"]
    assert run("rounds", tx).out.splitlines()[-3:] == [
        "round 0, on run 2: 2 disagree",
        "round 1, on run 2: 2 disagree",
        "round 1, on run 6: 2 agree",
    ]
    for variable in ("GENVM_REPLAY_LLM", "GENVM_REPLAY_WEB"):
        monkeypatch.setenv(variable, "ws://127.0.0.1:1")
    modules.heard.clear()
    replayed = run_json("replay", tx).objects
    assert ([one["identical"] for one in replayed], modules.heard) == ([True] * 9, [])


def test_rounds_with_runner_archives(
    run, run_json, modules, journal: str, runners: tuple[Path, str], cache: Path
) -> None:
    """Every role needs the archive that the leader had, gets the same bytes with it, and says so without it."""
    folder, runner = runners
    header = {"Seq": [{"Depends": runner}, {"Depends": "py-genlayer:test"}]}
    source = ORACLE.read_text().replace('{ "Depends": "py-genlayer:test" }', json.dumps(header))
    source = source.replace("from genlayer import *", "from genlayer import *\nimport nearness")
    source = source.replace("abs(read() - leader.calldata) <= 5", "nearness.near(read(), leader.calldata)")
    assert source.count("nearness.near(") == 1
    addresses = {"llm": modules.address, "web": modules.address}
    say(modules, 100)
    with open_database(journal) as store:
        bench = Workbench(store, lambda: PythonRuntime(cache), runners_dir=folder)
        node = LocalNode(bench)
        contract = node.deploy(source.encode()).address
        led = node.call(contract, "update", ["gen"], options=CallOptions(modules=addresses))
        bench.close()
    assert led.report.outcome.kind == "return", led.report
    assert f"{runner} archive" in led.report.runners
    tx, there = "0x" + led.tx.hex(), ("--runners", folder)
    for words in (("validate", tx), ("sync", tx), ("appeal", tx), ("replay", tx)):
        told = run(*words)
        assert told.code != 0
        assert (
            f"used the official archive of {runner}, which is not here: --runners DIR says where"
            in told.out + told.err
        )
    assert rows(run_json("validate", tx, "--count", 2, *there)) == [("validator", "agree")] * 2
    say(modules, 200)
    assert rows(run_json("validate", tx, *there)) == [("validator", "disagree")]
    assert rows(run_json("sync", tx, *there)) == [("sync", "agree")]
    assert rows(run_json("appeal", tx, *there)) == [("leader", None), ("appeal", "disagree")]
    replayed = run_json("replay", tx, *there).objects
    assert [one["identical"] for one in replayed] == [True] * 7
    assert run_json("bisect", tx, tx, *there).object["equal"] is True
    parting = run_json("bisect", tx, *there, "--runners-b", folder.parent).object
    assert parting["equal"] is False
    assert "different snapshots" in parting["notes"][0]
