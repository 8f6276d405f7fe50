"""`genvm run` with a module that misbehaves: the result is handed over in time, and the journal replays without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from executor.talking import Talk
from host_bridge.module_server import Says, answering, serving
from modules.serving import RAW, running

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.host_bridge.blocking_server import BlockingHostServer

from .test_genvm_run import Node, command

PROMPT: Value = {"ExecPrompt": {"prompt": "ok?", "images": []}}
CODE = Talk([{"RunNondet": {"data_leader": b"", "data_validator": b""}}], stage=[PROMPT]).code()
INTERNAL, TIMEOUT = 'executed with `InternalError("")`\n', 'executed with `VMError("timeout")`\n'


@pytest.mark.parametrize(
    ("says", "line"),
    [
        (answering(calldata.encode({"FatalError": "out of order"})), INTERNAL),
        (lambda connection: connection.close(), INTERNAL),
        (None, TIMEOUT),
    ],
    ids=["fatal error", "closes", "never answers, until a signal"],
)
def test_a_module_that_misbehaves(environment: None, tmp_path: Path, says: Says | None, line: str) -> None:
    """Exit code 0: a result was handed over, and it is what the replay comes to."""
    journal, config = tmp_path / "journal.db", tmp_path / "genvm.yaml"
    node = Node(CODE, b"\x06")
    started: list[subprocess.Popen[str]] = []
    with (
        serving(says or (lambda _: started[0].terminate())) as module,
        BlockingHostServer(node, f"unix://{tmp_path}/m.sock") as host,
    ):
        config.write_text(f"modules: {{llm: {{address: '{module.address}'}}}}\n")
        words = command(
            host.uri, "--print=result", "--journal", str(journal), before=("--config", str(config))
        )
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
            started.append(process)
            out, _ = process.communicate(timeout=60)
        assert module.is_left()
    assert (process.returncode, out) == (0, line)
    assert node.result is not None
    words = [sys.executable, "-m", "genvm_replay", "replay", "--all", "--db", str(journal), "--json"]
    replayed = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (replayed.returncode, json.loads(replayed.stdout)["identical"]) == (0, True), replayed.stdout


@pytest.mark.parametrize("journaled", [True, False])
def test_attempts(environment: None, tmp_path: Path, journaled: bool) -> None:
    """`--keep-raw` journals what the provider said; without a journal a module is asked for nothing but the answer."""
    journal, config = tmp_path / "journal.db", tmp_path / "genvm.yaml"
    prompt: Value = {"ExecPrompt": {"prompt": "try 2", "images": []}}
    code = Talk([{"RunNondet": {"data_leader": b"", "data_validator": b""}}], stage=[prompt]).code()
    with running() as server, BlockingHostServer(Node(code, b"\x06"), f"unix://{tmp_path}/m.sock") as host:
        config.write_text(f"modules: {{llm: {{address: '{server.address}'}}}}\n")
        options = ["--journal", str(journal), "--keep-raw"] if journaled else ["--keep-raw"]
        words = command(host.uri, *options, before=("--config", str(config)))
        assert subprocess.run(words, timeout=60, check=False).returncode == 0
        [hello] = server.module.hellos
    assert ("genvm_replay" in hello.host_data) == journaled
    if journaled:
        words = [sys.executable, "-m", "genvm_replay", "query", "attempts", "--db", str(journal), "--json"]
        shown = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        rows = [json.loads(line) for line in shown.stdout.splitlines()]
        assert [(row["backend"], row["raw_size"]) for row in rows] == [("b0", len(RAW)), ("b1", len(RAW))]
