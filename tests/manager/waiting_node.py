"""A node for runs of the service: a host on a Unix socket, and the orders that name it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genvm_replay.host_bridge.blocking_server import BlockingHostServer
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.replay.local_node import call_object, store_code

CONTRACT, SENDER = b"c" * 20, b"s" * 20
MOMENT = "2026-01-02T03:04:05Z"
CODE = b"""# v0.1.10
# { "Depends": "py-genlayer:test" }
from genlayer import *

class C(gl.Contract):
    n: u32
    def __init__(self):
        self.n = u32(0)
    @gl.public.write
    def inc(self, by: int) -> int:
        self.n = u32(self.n + by)
        print("by", by)
        return self.n
    @gl.public.write
    def spin(self):
        print("spinning", flush=True)
        while True:
            pass
    @gl.public.write
    def ask(self, question: str) -> str:
        return gl.eq_principle.strict_eq(lambda: gl.nondet.exec_prompt(question))
"""


class EmptyState:
    """Nothing is stored, everybody has a little."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b""

    def balance(self, address: bytes) -> int:
        return 1000


@contextmanager
def node(folder: Path, method: str, *arguments: Any) -> Iterator[tuple[str, LocalHost]]:
    """A node that waits for one executor; where, and what it will have been told."""
    host = LocalHost(EmptyState(), CONTRACT, call_object(method, arguments, {}), 0)
    store_code(host, CODE)
    path = folder / f"node-{len(list(folder.glob('node-*')))}"
    path.mkdir()
    with BlockingHostServer(host, f"unix://{path}/s") as server:
        yield server.uri, host


def order(uri: str, **changes: Any) -> dict[str, Any]:
    """An order as the documents show it, in JSON."""
    address = base64.b64encode(CONTRACT).decode()
    sender = base64.b64encode(SENDER).decode()
    message = {
        "contract_address": address,
        "sender_address": sender,
        "origin_address": sender,
        "chain_id": "61999",
        "value": None,
        "is_init": False,
        "datetime": MOMENT,
    }
    told = {
        "major": 0,
        "message": message,
        "is_sync": False,
        "capture_output": True,
        "max_execution_minutes": 1,
        "host_data": '{"node_address": "0x1", "tx_id": "0x2"}',
        "timestamp": MOMENT,
        "host": uri,
        "extra_args": [],
        "debug_mode": True,
    }
    return told | changes
