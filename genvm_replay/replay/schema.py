"""Asks a contract for its schema (spec/sdk.md 4.4) on an empty state: nothing is deployed, recorded or kept."""

from __future__ import annotations

from typing import Final

from .. import calldata
from ..errors import UsageError
from ..executor.effects import Live, Streams
from ..executor.engine import Build
from ..executor.guest_thread import GuestThread
from ..executor.machine import Machine
from ..executor.moment import clock_ns
from ..executor.python_runtime.runtime import PythonRuntime
from ..executor.rights import Rights
from ..executor.transaction import run_transaction
from ..host_bridge.local_host import LocalHost
from ..journal.run import Limits, Message
from .local_node import CHAIN_ID, MEMORY_BYTES, VIEW_RIGHTS, call_object, store_code

METHOD: Final = "#get-schema"
NOWHERE: Final = bytes(20)
MOMENT: Final = "2026-01-01T00:00:00Z"
DEADLINE_MS: Final = 60_000


class EmptyState:
    """A chain on which nothing has happened."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        """No page was ever written."""
        return b""

    def balance(self, address: bytes) -> int:
        """Nobody owns anything."""
        return 0


def contract_schema(runtime: PythonRuntime, code: bytes, *, image: str | None = None) -> str:
    """The schema that a contract gives of itself, a JSON text.

    Args:
        image: the snapshot to start from; None: the best there is.

    Raises:
        UsageError: the code is no contract, or gives no schema; the text has what it printed.
    """
    message = Message(NOWHERE, NOWHERE, NOWHERE, CHAIN_ID, 0, is_init=False, datetime=MOMENT)
    host = LocalHost(EmptyState(), NOWHERE, call_object(METHOD, (), {}), 0)
    store_code(host, code)
    streams = Streams()
    door = Live(host, clock_ns(message), streams)
    machine = Machine(runtime, Build.EPOCH, Limits(MEMORY_BYTES, None, DEADLINE_MS), image=image)
    thread = GuestThread()
    try:
        outcome = thread.run(
            lambda: run_transaction(message, Rights.from_letters(VIEW_RIGHTS), door, machine),
            interrupt=machine.interrupt,
            time_left_s=machine.time_left_s,
        ).outcome
    finally:
        thread.close()
    value = calldata.decode(outcome.payload) if outcome.kind == "return" else None
    if isinstance(value, str):
        return value
    why = (
        outcome.cause or outcome.payload.decode(errors="replace") if outcome.kind != "return" else repr(value)
    )
    printed = streams.stderr.decode(errors="replace").rstrip()
    raise UsageError(f"the contract gives no schema: {why}" + (f"\n{printed}" if printed else ""))
