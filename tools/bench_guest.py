"""Measures what contracts wait for inside the guest: Keccak, calldata, and a small call with ten fields.

Each is a ratio within this run: against a plain Python implementation in the same guest, or against an empty call.
Times are of the guest alone, from entering it to its end. Medians of interleaved rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from bench_transactions import TIME, Stored  # noqa: E402

from genvm_replay.executor.effects import Live, Streams  # noqa: E402
from genvm_replay.executor.engine import Build  # noqa: E402
from genvm_replay.executor.instance import Instance  # noqa: E402
from genvm_replay.executor.moment import clock_ns  # noqa: E402
from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.journal.run import Limits, Message, RunHeader  # noqa: E402
from genvm_replay.replay.local_node import call_object  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402

ROUNDS = 9
LOOPS = (
    Path(__file__).with_name("bench_guest_contract.py").read_bytes()
)  # method run(what: str, plain: bool, times: int)
FIELDS = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class Ten(gl.Contract):
    owner: Address
    name: str
    open: bool
    total: u256
    count: u32
    rate: i64
    balances: TreeMap[Address, u256]
    names: TreeMap[str, u256]
    log: DynArray[str]
    note: bytes

    @gl.public.view
    def nothing(self) -> None:
        pass

    @gl.public.write
    def touch(self, who: str, by: int) -> int:
        self.total = u256(self.total + by)
        self.names[who] = u256(self.names.get(who, u256(0)) + by)
        return self.total

    @gl.public.write
    def all(self) -> dict:
        self.count += 1
        self.open = not self.open
        self.name = "a name"
        return {
            "owner": self.owner, "name": self.name, "open": self.open, "total": self.total, "count": self.count,
            "rate": self.rate, "balances": len(self.balances), "names": len(self.names), "log": len(self.log),
            "note": self.note,
        }
"""
KERNELS = {  # what, times it is done in one call: natively, plain
    "keccak 32 B": (2000, 10),
    "keccak 20 kB": (200, 1),
    "encode call": (2000, 200),
    "encode record": (2000, 100),
    "encode table": (100, 5),
    "decode call": (2000, 200),
    "decode record": (2000, 100),
    "decode table": (100, 5),
}


class Guests:
    """Runs calls of contracts on one runtime; tells how long the guest itself took."""

    def __init__(self, runtime: PythonRuntime) -> None:
        self.bench = Workbench(None, lambda: runtime)  # type: ignore[arg-type]
        self.seconds = 0.0
        inner = Instance.call

        def call(instance: Instance, name: bytes, *arguments: int) -> int:
            started = time.perf_counter()
            try:
                return inner(instance, name, *arguments)
            finally:
                self.seconds = time.perf_counter() - started

        Instance.call = call  # type: ignore[method-assign]

    def call(self, code: bytes, method: str, *args: Any) -> float:
        """Seconds of one call, in a VM of its own over empty storage."""
        message = Message(b"c" * 20, b"s" * 20, b"s" * 20, "61999", 0, False, TIME)
        limits = Limits(1 << 30, None, None, debug_mode=True)
        header = RunHeader(b"t" * 32, "leader", None, message, "rwscn", self.bench.runtime.pins, limits)
        host = LocalHost(Stored(code), message.contract_address, call_object(method, list(args), {}), 0)
        report = self.bench.execute(header, Live(host, clock_ns(message), Streams()), Build.EPOCH)
        assert report.outcome.kind == "return", (report.outcome, report.traceback)
        return self.seconds


def main() -> None:
    """Print the tables."""
    guests = Guests(PythonRuntime(default_cache(os.environ)))
    bench_kernels(guests)
    bench_fields(guests)
    guests.bench.close()


def bench_kernels(guests: Guests) -> None:
    """Ours against plain Python, per operation."""
    print("In one guest, microseconds (median)              plain Python        ours     ratio")
    guests.call(LOOPS, "run", "encode call", False, 0)
    for what, (ours, plain) in KERNELS.items():
        samples: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(ROUNDS):
            empty = guests.call(LOOPS, "run", what, False, 0)
            for is_plain, times in ((False, ours), (True, plain)):
                took = guests.call(LOOPS, "run", what, is_plain, times) - empty
                samples[is_plain].append(took / times * 1e6)
        fast, slow = statistics.median(samples[False]), statistics.median(samples[True])
        print(f"  {what:45}{slow:13.1f}{fast:13.2f}{slow / fast:8.0f} x   target: at least 20")


def bench_fields(guests: Guests) -> None:
    """A small call of a contract with ten fields against an empty call of it."""
    calls: dict[str, tuple[Any, ...]] = {"nothing": (), "touch": ("bob", 7), "all": ()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(200):
        for name, args in calls.items():
            samples[name].append(guests.call(FIELDS, name, *args) * 1000)
    medians = {name: statistics.median(times) for name, times in samples.items()}
    print("\nA contract with ten fields, milliseconds in the guest (median)")
    print(f"  empty call                                  {medians['nothing']:8.3f}")
    for name, what in (("touch", "write a number, a map entry"), ("all", "read ten fields, write three")):
        ratio = medians[name] / medians["nothing"]
        print(f"  {what:44}{medians[name]:8.3f}   ratio {ratio:.2f}   target: at most 4")


if __name__ == "__main__":
    main()
