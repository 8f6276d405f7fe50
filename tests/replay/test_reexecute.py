"""Re-execution from the journal alone: identical on every build, in a fresh process, without the local state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.engine import BUILDS, Build
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal.database import open_database
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import EVERYTHING, HEADER, STORAGE, failure, value

FRESH_PROCESS = """
import json, sys
from pathlib import Path
from genvm_replay.executor.engine import Build
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal.database import open_database
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

store = open_database(sys.argv[1], read_only=True)
bench = Workbench(store, lambda: PythonRuntime(Path(sys.argv[2])))
for run in reversed(store.find_runs(limit=1000)):
    report = reexecute(store.load_run(run.id), bench)
    print(json.dumps([run.id, report.identical, str(report.divergence)]))
"""


def traffic(node: LocalNode) -> list[Recorded]:
    """A handful of transactions of every outcome."""
    ledger = node.deploy(STORAGE.encode(), [1]).address
    everything = node.deploy(EVERYTHING.encode()).address
    return [
        node.call(ledger, "put", ["a", 7, ["x" * 5000]]),
        node.call(ledger, "put", ["b", 1, []]),
        node.call(ledger, "drop", ["a"]),
        node.call(ledger, "drop", ["nobody"]),
        node.call(ledger, "put", []),
        node.call(ledger, "dump", view=True),
        node.call(everything, "all", ["hi"], options=CallOptions(value=3)),
        node.call(everything, "nothing of this name"),
        node.deploy(b"no header"),
        node.deploy((HEADER + "syntax error here").encode()),
    ]


def test_identical_on_every_build_without_the_state(node: LocalNode, bench: Workbench) -> None:
    """Only the journal and its blobs are left; result, storage, root and memory hash are equal everywhere."""
    runs = traffic(node)
    assert {run.report.outcome.kind for run in runs} == {"return", "user_error", "vm_error"}
    bench.store.state.drop()
    for build in BUILDS:
        for run in runs:
            report = reexecute(bench.store.load_run(run.run_id), bench, build)
            assert report.identical, (build, run.report, report.divergence)
            assert report.events == run.event_count
            assert not report.other_pins


def test_identical_in_a_fresh_process(node: LocalNode, bench: Workbench, runtime_cache: Path) -> None:
    """Another process, the database opened read-only."""
    runs = traffic(node)
    bench.store.state.drop()
    path = bench.store.name
    done = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, path, str(runtime_cache)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Kiritimati"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(runs) + 2
    assert all(identical for _, identical, _ in lines), lines


def test_both_images_give_the_same_run(runtime: PythonRuntime, tmp_path: Path) -> None:
    """A contract that could be imported ahead behaves the same where it was not."""
    seen = []
    for kind in ("contract", "sdk"):
        with open_database(tmp_path / f"{kind}.db", durability="normal") as store:
            bench = Workbench(store, lambda: runtime)
            execute = bench.execute
            bench.execute = lambda *a, kind=kind, execute=execute, **_: execute(*a, image=kind)  # type: ignore[method-assign, misc]
            node = LocalNode(bench)
            at = CallOptions(datetime="2026-01-02T03:04:05Z", value=5)
            address = node.deploy(EVERYTHING.encode(), options=at).address
            run = node.call(address, "all", ["hi"], options=at)
            assert run.report.image == kind
            seen.append((value(run), run.report.storage_hash, run.streams.stdout, run.streams.stderr))
            bench.close()
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "top",
    [
        "MOMENT = datetime.datetime.now().year",
        "SENDER = gl.message.sender_address",
        "SENDER = gl.message_raw['sender_address']",
        "print('imported')",
        "import _genlayer_wasi; B = _genlayer_wasi.get_balance(bytes(20))",
    ],
)
def test_an_import_that_touches_the_transaction_is_repeated(
    node: LocalNode, bench: Workbench, top: str
) -> None:
    """Such a contract starts from the SDK image, and its import sees each transaction."""
    code = (
        HEADER
        + f"import datetime\n{top}\n"
        + (
            "class C(gl.Contract):\n    @gl.public.view\n    def names(self) -> list:\n"
            "        return [str(globals().get(n)) for n in ('MOMENT', 'SENDER', 'B')]\n"
        )
    )
    address = node.deploy(code.encode()).address
    runs = [
        node.call(address, "names", options=CallOptions(datetime=f"{year}-01-01T00:00:00Z"))
        for year in (2026, 2027)
    ]
    assert {run.report.image for run in runs} == {"sdk"}
    if "MOMENT" in top:
        assert [value(run)[0] for run in runs] == ["2026", "2027"]  # type: ignore[index, call-overload]
    if "print" in top:
        assert runs[0].streams.stdout == b"imported\n"
    for run in runs:
        assert reexecute(bench.store.load_run(run.run_id), bench).identical


def test_random_bytes_at_import_do_not_depend_on_the_image(node: LocalNode) -> None:
    """The random stream goes on behind what the import drew."""
    code = HEADER + (
        "import os, random\nFIRST = os.urandom(6)\n"
        "class C(gl.Contract):\n    @gl.public.view\n    def get(self) -> list:\n"
        "        return [FIRST, os.urandom(6), random.getrandbits(64)]\n"
    )
    lazy = code.replace("import os, random", "import os, random\ngl.message.value")
    results = []
    for text in (code, lazy):
        run = node.call(node.deploy(text.encode()).address, "get", view=True)
        results.append((run.report.image, value(run)))
    assert [image for image, _ in results] == ["contract", "sdk"]
    assert results[0][1] == results[1][1]


def test_an_endless_loop_is_stopped_and_not_a_result(node: LocalNode, bench: Workbench) -> None:
    """The run is `timeout`, says where the guest was, leaves no state; its record is compared as far as it goes."""
    code = HEADER + (
        "class C(gl.Contract):\n    n: u32\n"
        "    @gl.public.write\n    def spin(self):\n        self.n = 1\n        while True:\n            pass\n"
    )
    address = node.deploy(code.encode()).address
    stopped = node.call(address, "spin", options=CallOptions(deadline_ms=300))
    assert failure(stopped) == ("vm_error", "timeout")
    assert stopped.report.outcome.interrupted
    assert 'File "/contract.py", line' in stopped.report.traceback
    assert " in spin" in stopped.report.traceback
    assert bench.store.list_runs()[0].status == "interrupted"
    report = reexecute(bench.store.load_run(stopped.run_id), bench)
    assert (report.identical, report.prefix_only) == (True, True)


def test_an_endless_import_is_stopped_too(node: LocalNode) -> None:
    """Also where the loop is at the top of the contract's file."""
    stopped = node.deploy((HEADER + "while True: pass\n").encode(), options=CallOptions(deadline_ms=300))
    assert failure(stopped) == ("vm_error", "timeout")


def test_fuel_ends_a_run_at_the_same_instruction(node: LocalNode, bench: Workbench) -> None:
    """Two runs with the same budget have the same root and memory; the replay agrees."""
    code = HEADER + (
        "class C(gl.Contract):\n    n: u32\n"
        "    @gl.public.view\n    def spin(self):\n        i = 0\n        while True:\n            i += 1\n"
    )
    address = node.deploy(code.encode()).address
    options = CallOptions(fuel=5_000_000, datetime="2026-01-01T00:00:00Z")
    first, second = (node.call(address, "spin", view=True, options=options) for _ in range(2))
    assert failure(first) == ("vm_error", "wasm_trap OutOfFuel")
    assert first.root == second.root
    assert first.report.memory_hash == second.report.memory_hash
    assert "in spin" in first.report.traceback
    assert reexecute(bench.store.load_run(first.run_id), bench).identical
    with pytest.raises(EnvironmentProblem, match="fuel build"):
        reexecute(bench.store.load_run(first.run_id), bench, Build.FAST)


def test_memory_exhaustion_and_deep_recursion_end_in_the_contract(node: LocalNode, bench: Workbench) -> None:
    """The guest sees MemoryError and RecursionError; both runs replay identically on all builds."""
    code = HEADER + (
        "import json\nclass C(gl.Contract):\n"
        "    @gl.public.view\n    def eat(self) -> int:\n        kept = []\n        try:\n"
        "            while True: kept.append(bytearray(1 << 20))\n"
        "        except MemoryError:\n            n = len(kept); kept = None; return n\n"
        "    @gl.public.view\n    def hungry(self) -> int:\n        return len(bytearray(1 << 30))\n"
        "    @gl.public.view\n    def deep(self) -> list:\n        out = []\n"
        "        def down(n): return down(n + 1)\n"
        "        for f in (lambda: down(0), lambda: json.loads('[' * 100000)):\n"
        "            try: f()\n            except RecursionError as e: out.append(type(e).__name__)\n"
        "        x = []\n        for _ in range(100000): x = [x]\n        del x\n        return out\n"
    )
    address = node.deploy(code.encode()).address
    options = CallOptions(memory_bytes=128 << 20)
    eaten = node.call(address, "eat", view=True, options=options)
    assert 40 < value(eaten) < 128  # type: ignore[operator]
    hungry = node.call(address, "hungry", view=True, options=options)
    assert failure(hungry) == ("vm_error", "exit_code 1")
    assert "MemoryError" in hungry.streams.stderr.decode()
    deep = node.call(address, "deep", view=True)
    assert value(deep) == ["RecursionError"] * 2
    for run in (eaten, hungry, deep):
        for build in BUILDS:
            report = reexecute(bench.store.load_run(run.run_id), bench, build)
            assert report.identical, (build, report.divergence)
