"""Measures `genvm run` from exec to the handed-over result, against `python3 -c pass`, in one run.

Nodes start a process for each transaction: by itself, and where `genvm warm` listens. Caches are warm: one run goes
before. Medians.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.forking.link import SOCKET_VARIABLE  # noqa: E402
from genvm_replay.host_bridge.blocking_server import BlockingHostServer  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.replay.local_node import call_object, store_code  # noqa: E402

ROUNDS = 21
GENVM = [sys.executable, "-c", "from genvm_replay.cli.warm.client import main; main()"]
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
    with tempfile.TemporaryDirectory() as folder, warm_process(f"{folder}/w") as warm:
        one_run({})
        rows = [(one_pass(), one_run({}), one_run({SOCKET_VARIABLE: warm})) for _ in range(ROUNDS)]
    plain, cold, warmed = (statistics.median(row[side] for row in rows) * 1000 for side in range(3))
    print(f"python3 -c pass                            {plain:8.1f} ms")
    print(f"genvm run, a Python contract, by itself    {cold:8.1f} ms, {cold / plain:.1f} times")
    print(f"genvm run, a Python contract, genvm warm   {warmed:8.1f} ms, {warmed / plain:.1f} times")
    print("target: at most 10 times")


@contextmanager
def warm_process(socket: str) -> Iterator[str]:
    """A process that `genvm run` can start from; gives its socket."""
    words = [*GENVM, "warm", "--socket", socket]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield socket
        finally:
            process.terminate()


def one_pass() -> float:
    """Seconds of an empty Python."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started


def one_run(variables: dict[str, str]) -> float:
    """Seconds of one `genvm run`, the node's side included."""
    address = base64.b64encode(CONTRACT).decode()
    message = {"contract_address": address, "sender_address": address, "origin_address": address}
    message |= {"chain_id": "1", "is_init": False, "datetime": "2026-01-01T00:00:00Z"}  # type: ignore[dict-item]
    host = LocalHost(Empty(), CONTRACT, call_object("inc", [1], {}), 0)
    store_code(host, CODE)
    with tempfile.TemporaryDirectory() as folder, BlockingHostServer(host, f"unix://{folder}/s") as server:
        words = [*GENVM, "run", "--debug-mode"]
        words += ["--host", server.uri, "--message", json.dumps(message)]
        words += ["--host-data", '{"node_address": "a", "tx_id": "b"}', "--print=result"]
        started = time.perf_counter()
        env = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        done = subprocess.run(words, env=env, check=True, capture_output=True)
        took = time.perf_counter() - started
    assert host.result == b"\x00\x09", (host.result, done.stdout, done.stderr)
    return took


if __name__ == "__main__":
    main()
