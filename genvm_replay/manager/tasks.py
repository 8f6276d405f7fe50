"""What the manager hands to our own executor: one run as bytes, and the host that answers what the order knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from blake3 import blake3

from ..errors import UsageError
from ..executor.storage_slots import CODE_SLOT
from ..host_bridge.client import HostClient
from ..host_bridge.modules import ADDRESSES
from ..host_bridge.transport import dial, parse_uri
from ..journal.events import Answer, GetCalldata, GetLeaderNondetResult, Request, StorageWrite
from ..replay.node_message import read_permissions
from .orders import RunOrder

ABSENT: Final = 1  # the host's error code for what there is not (spec/manager-modules.md 6.10)
CONNECT_SECONDS_MAX: Final = 10.0


class Task(msgspec.Struct, frozen=True, array_like=True):
    """One run of our own executor.

    Attributes:
        modules: their WebSocket addresses by name.
        keep_raw: record what the providers of the modules answered, as it came.
        prints: what to print at the end, of PRINTS.
        journal: URL; only a run that is too long for memory opens it.
        runners: folders of archives and of their lists; None: nowhere.
    """

    run_id: int
    message: dict[str, Any]
    host_data: dict[str, Any]
    host: str
    is_sync: bool
    permissions: str
    debug_mode: bool
    calldata: bytes | None
    code: bytes | None
    leader_nondet_results: list[bytes] | None
    modules: dict[str, str]
    journal: str
    prints: tuple[str, ...]
    keep_raw: bool
    runners: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runs have in common.

    Attributes:
        modules: gives the addresses of the modules as they are now.
    """

    journal: str
    modules: Callable[[], Mapping[str, str]] = lambda: ADDRESSES
    runners: tuple[str | None, str | None] = (None, None)


PRINTS: Final = ("result", "fingerprint", "stderr-full")
FLAGS: Final = {
    "--debug-mode": "debug_mode",
    "--allow-latest": "debug_mode",
    "--sync": "is_sync",
    "--keep-raw": "keep_raw",
}


def task_of(run_id: int, order: RunOrder, surroundings: Surroundings) -> Task:
    """A run for our own executor.

    Raises:
        UsageError: an argument in `extra_args` that it does not know.
    """
    said, prints = read_arguments(order.extra_args)
    leader = order.leader_nondet_results
    return Task(
        run_id=run_id,
        message=dict(order.message),
        host_data=dict(order.host_data),
        host=order.host,
        is_sync=order.is_sync or "is_sync" in said,
        permissions=str(said.get("permissions", order.permissions)),
        debug_mode=order.debug_mode or "debug_mode" in said,
        calldata=order.calldata,
        code=order.code,
        leader_nondet_results=None if leader is None else list(leader),
        modules=dict(surroundings.modules()),
        journal=surroundings.journal,
        prints=tuple(prints),
        keep_raw="keep_raw" in said,
        runners=surroundings.runners,
    )


def read_arguments(words: tuple[str, ...]) -> tuple[dict[str, object], list[str]]:
    """What our executor takes of `genvm run`'s command line (spec/executor.md 1.4), and what it is to print."""
    said: dict[str, object] = {}
    prints: list[str] = []
    rest = iter(words)
    for word in rest:
        name, is_set, value = word.partition("=")
        if name in FLAGS and not is_set:
            said[FLAGS[name]] = True
        elif name == "--permissions":
            said["permissions"] = read_permissions(value if is_set else next(rest, ""), "extra_args")
        elif name == "--print" and (found := value if is_set else next(rest, "")) in PRINTS:
            prints.append(found)
        else:
            raise UsageError(f"extra_args: {name[:40]!r} is not known here")
    return said, prints


def transaction_of(host_data: Mapping[str, Any]) -> bytes:
    """The id under which the journal knows a node's transaction."""
    return blake3(str(host_data["tx_id"]).encode()).digest()


class OrderHost(HostClient):
    """The node, but for what the order has brought along."""

    def __init__(self, task: Task) -> None:
        """Connect.

        Raises:
            HostLost: nothing answers there.
        """
        super().__init__(dial(parse_uri(task.host), CONNECT_SECONDS_MAX))
        self._calldata = task.calldata
        self._leader = task.leader_nondet_results
        if task.code is not None:  # before the run, as nodes do where they store it themselves
            super().ask(StorageWrite(CODE_SLOT, 0, len(task.code).to_bytes(4, "little")))
            super().ask(StorageWrite(CODE_SLOT, 4, task.code))

    def ask(self, request: Request) -> Answer:
        """Answer from the order, or ask the node."""
        if self._calldata is not None and isinstance(request, GetCalldata):
            return Answer(0, self._calldata)
        if self._leader is not None and isinstance(request, GetLeaderNondetResult):
            known = request.call_no < len(self._leader)
            return Answer(0, self._leader[request.call_no]) if known else Answer(ABSENT)
        return super().ask(request)
