"""A node beside the manager: hosts that executors dial, and the orders that name them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.host_bridge.server import HostServer
from genvm_replay.manager.orders import RunOrder, order_of
from genvm_replay.manager.results import Finished
from genvm_replay.manager.runs import Runs
from genvm_replay.replay.local_node import call_object, store_code

CONTRACT, SENDER = b"c" * 20, b"s" * 20
MOMENT = "2026-01-02T03:04:05Z"
WAIT_S = 30.0
COUNTER = """# v0.1.0
# { "Depends": "py-genlayer:test" }
from genlayer import *

class C(gl.Contract):
    n: u32
    @gl.public.write
    def inc(self, by: int) -> int:
        self.n = u32(self.n + by)
        print("by", by)
        return self.n
    @gl.public.write
    def chatter(self, lines: int):
        for number in range(lines):
            print("line", number)
    @gl.public.write
    def spin(self):
        self.n = u32(1)
        while True:
            pass
    @gl.public.write
    def ask(self) -> str:
        return gl.eq_principle.strict_eq(lambda: "here")
"""


class Empty:
    """Committed state without anything."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b""

    def balance(self, address: bytes) -> int:
        return 0


class Node(LocalHost):
    """The host of one run of the counter; `began` is set with its first write."""

    def __init__(self, method: str, *arguments: object, code: str | None = COUNTER) -> None:
        self.call = call_object(method, list(arguments), {})
        super().__init__(Empty(), CONTRACT, self.call, 0)
        self.began = Event()
        self.asked: list[str] = []
        if code is not None:
            store_code(self, code.encode())
        self.began.clear()

    def storage_write(self, request: Any) -> Any:
        answer = super().storage_write(request)
        self.began.set()
        return answer

    def get_calldata(self, request: Any) -> Any:
        self.asked.append("calldata")
        return super().get_calldata(request)


def message(**changes: object) -> dict[str, Any]:
    """A message in its JSON form."""
    named = {"contract_address": CONTRACT, "sender_address": SENDER, "origin_address": SENDER}
    addresses = {name: base64.b64encode(raw).decode() for name, raw in named.items()}
    return addresses | {"chain_id": "61999", "value": None, "is_init": False, "datetime": MOMENT} | changes


def fields(host: str, /, **changes: object) -> dict[str, Any]:
    """The fields of a request to run."""
    return {
        "major": 0,
        "message": message(),
        "is_sync": True,
        "capture_output": True,
        "host_data": json.dumps({"node_address": "0x1", "tx_id": "0x2"}),
        "timestamp": MOMENT,
        "host": host,
        "extra_args": ["--debug-mode"],
    } | changes


def order(host: str, /, **changes: object) -> RunOrder:
    """An order."""
    return order_of(fields(host, **changes))


@asynccontextmanager
async def serving(node: LocalHost, folder: Path) -> AsyncIterator[str]:
    """Serve a host to one executor; gives its address."""
    async with HostServer(node, f"unix://{folder}/host-{id(node)}") as server:
        yield server.uri


async def ended(runs: Runs, run_id: int) -> Finished:
    """Wait for the end of a run."""
    events = runs.subscribe(run_id)
    try:
        while (status := runs.status(run_id)) is not None and status.finished is None:
            await events.__anext__()
    finally:
        await events.aclose()
    assert status is not None
    assert status.finished is not None
    return status.finished


def workers(runs: Runs) -> list[int]:
    """The processes that work for runs."""
    pid = runs.launcher.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
