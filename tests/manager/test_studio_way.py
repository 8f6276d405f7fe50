"""The public Studio's way of calling a manager (spec/manager-modules.md 10.1), from its start to a transaction's result."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import pytest

from genvm_replay import calldata
from genvm_replay.replay.local_node import call_object

from .served import environment
from .waiting_node import CONTRACT, MOMENT, SENDER, node

SECONDS_MAX = 60


class Studio:
    """What Studio does over HTTP, with nothing but the standard library."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"

    def post(self, path: str, body: bytes | dict[str, Any], method: str = "POST") -> Any:
        raw = json.dumps(body).encode() if isinstance(body, dict) else body
        with urllib.request.urlopen(urllib.request.Request(self.root + path, raw, method=method)) as answer:
            return json.load(answer)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.root + path) as answer:
            return json.load(answer)

    def wait_for_status(self) -> Any:
        """Ask until somebody answers."""
        until = time.monotonic() + SECONDS_MAX
        while True:
            try:
                return self.get("/status")
            except URLError:
                assert time.monotonic() < until
                time.sleep(0.02)

    def run(self, host: str, call: bytes, *, sync: bool = False) -> Any:
        """One transaction: the body in calldata, as releases since v0.2.6 want it; poll for the end."""
        order = {
            "major": 0,
            "message": {
                "contract_address": calldata.Address(CONTRACT),
                "sender_address": calldata.Address(SENDER),
                "origin_address": calldata.Address(SENDER),
                "chain_id": 61999,
                "value": None,
                "is_init": False,
                "datetime": MOMENT,
            },
            "is_sync": sync,
            "capture_output": True,
            "host_data": json.dumps(
                {"node_address": "0x1", "tx_id": "0x2", "studio_llm_id": "node-0x1", "custom_plugin_data": {}}
            ),
            "max_execution_minutes": 10,
            "timestamp": MOMENT,
            "host": host,
            "extra_args": ["--debug-mode"],
            "permissions": "rwscn",
            "calldata": call,
            "code": None,
            "storage_pages": 1 << 20,
            "data_fees_limits": {"total": 1 << 40},
        }
        started = self.post("/genvm/run", calldata.encode(order))
        assert started["result"] == "started"
        until = time.monotonic() + SECONDS_MAX
        while (status := self.get(f"/genvm/{started['id']}")["status"]) is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        return status


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Starts the manager on a port of its choice, as a child that must not outlive it."""
    folder = tmp_path_factory.mktemp("studio")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "genvm_replay", "serve", "--port", str(port), "--die-with-parent"]
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(folder)
    ) as manager:
        yield Studio(port)
        manager.terminate()
        assert manager.wait(SECONDS_MAX) == 0


def test_a_transaction_as_studio_runs_it(studio, tmp_path):
    """Wait for /status, run on a Unix socket of its own, take the result from the host loop, poll for the output."""
    assert studio.wait_for_status()["web_module"] == "stopped"
    with node(tmp_path, "unused") as (uri, host):
        status = studio.run(uri, call_object("inc", (6,), {}))
        assert (status["stdout"], status["error"]) == ("by 6\n", None)
        assert calldata.decode(host.result[1:]) == 6
    with node(tmp_path, "unused") as (uri, host):
        studio.run(uri, call_object("inc", ("six",), {}), sync=True)
        assert host.result[0] != 0, "a failed call is a result too"


def test_a_validator_s_model_answers_a_contract(studio, tmp_path):
    """The LLM module started with a generated configuration, one backend `node-<address>`; again for other validators."""
    studio.wait_for_status()
    for answer in ("yes", "no"):
        file = tmp_path / f"{answer}.yaml"
        file.write_text(json.dumps({"answers": [{"prompt": "Is it?", "response": answer}]}))
        backend = {"enabled": True, "provider": "scripted", "answers": str(file), "models": {"m": {}}}
        config = {"bind_address": "127.0.0.1:0", "backends": {"node-0x1": backend}}
        stopped = studio.post("/module/stop", {"module_type": "Llm"})
        assert stopped["result"] in ("module_stopped", "module_not_running")
        started = studio.post("/module/start", {"module_type": "Llm", "config": config})
        assert started == {"result": "module_started"}
        with node(tmp_path, "unused") as (uri, host):
            log = studio.run(uri, call_object("ask", ("Is it?",), {}))["genvm_log"]
            assert calldata.decode(host.result[1:]) == answer
            assert [line for line in log if line.get("module") == "llm"], log


def test_a_host_that_does_not_answer_is_told(studio, tmp_path):
    """Studio tries again after a start that failed; so it has to learn of one at once."""
    studio.wait_for_status()
    status = studio.run(f"unix://{tmp_path}/nobody", call_object("inc", (6,), {}))
    assert status["error"]
    assert status["exit_code"] != 0
