"""Measures `genvm run` from exec to the handed-over result, against `python3 -c pass`, in one run.

Nodes start a process for each transaction. Caches are warm: one run goes before. Medians.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.host_bridge.blocking_server import BlockingHostServer  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.replay.local_node import call_object, store_code  # noqa: E402

ROUNDS = 21
CONTRACT = b"c" * 20
CODE = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class C(gl.Contract):
    n: u32
    @gl.public.write
    def inc(self, by: int) -> int:
        self.n = u32(self.n + by)
        return self.n
"""


class Empty:
    """Committed state without anything."""

    def read_page(self, _address: bytes, _slot: bytes, _page: int) -> bytes:
        return b""

    def balance(self, _address: bytes) -> int:
        return 0


def main() -> None:
    """Print the table."""
    one_run()
    pairs = [(one_pass(), one_run()) for _ in range(ROUNDS)]
    plain, ours = (statistics.median(pair[side] for pair in pairs) * 1000 for side in (0, 1))
    print(f"python3 -c pass                {plain:8.1f} ms")
    print(f"genvm run, a Python contract   {ours:8.1f} ms")
    print(f"  ratio {ours / plain:.1f}   target: at most 10")


def one_pass() -> float:
    """Seconds of an empty Python."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started


def one_run() -> float:
    """Seconds of one `genvm run`, the node's side included."""
    address = base64.b64encode(CONTRACT).decode()
    message = {"contract_address": address, "sender_address": address, "origin_address": address}
    message |= {"chain_id": "1", "is_init": False, "datetime": "2026-01-01T00:00:00Z"}  # type: ignore[dict-item]
    host = LocalHost(Empty(), CONTRACT, call_object("inc", [1], {}), 0)
    store_code(host, CODE)
    with tempfile.TemporaryDirectory() as folder, BlockingHostServer(host, f"unix://{folder}/s") as server:
        words = [
            sys.executable,
            "-c",
            "from genvm_replay.cli.genvm import main; main()",
            "run",
            "--debug-mode",
        ]
        words += ["--host", server.uri, "--message", json.dumps(message)]
        words += ["--host-data", '{"node_address": "a", "tx_id": "b"}', "--print=result"]
        started = time.perf_counter()
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, env=env, check=True, capture_output=True)
        took = time.perf_counter() - started
    assert host.result == b"\x00\x09", (host.result, done.stdout, done.stderr)
    return took


if __name__ == "__main__":
    main()
