"""Measures what a sandbox of a Python contract costs, against a transaction that does nothing, in one run.

Each sandbox is a VM of its own that starts from the contract's image, and its function travels there and back.
Medians of CPU time.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.replay.local_node import LocalNode  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402

ROUNDS = 15
SANDBOXES = 50
CODE = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class C(gl.Contract):
    n: u32
    @gl.public.write
    def sandboxes(self, count: int, pack_only: bool = False) -> int:
        total, step = 0, 1
        def add():
            return total + step
        for _ in range(count):
            if pack_only:
                from genlayer.gl._internal import closures
                closures.pack(add)
            else:
                total = gl.vm.unpack_result(gl.vm.spawn_sandbox(add))
        return total
"""


def main() -> None:
    """Print the table."""
    import os

    runtime = PythonRuntime(default_cache(os.environ))
    with (
        tempfile.TemporaryDirectory() as folder,
        open_database(Path(folder) / "journal.db", durability="normal") as store,
    ):
        bench = Workbench(store, lambda: runtime)
        node = LocalNode(bench)
        address = node.deploy(CODE).address

        def call(*args: int | bool) -> float:
            started = time.process_time()
            assert node.call(address, "sandboxes", args).report.outcome.kind == "return"
            return (time.process_time() - started) * 1000

        call(SANDBOXES)
        rows = [(call(0), call(SANDBOXES), call(SANDBOXES, True)) for _ in range(ROUNDS)]
        bench.close()
    show(rows)


def show(rows: list[tuple[float, float, float]]) -> None:
    """Print milliseconds of CPU time, and ratios."""
    middle: Callable[[list[float]], float] = statistics.median
    empty = middle([row[0] for row in rows])
    each = middle([(row[1] - row[0]) / SANDBOXES for row in rows])
    packed = middle([(row[2] - row[0]) / SANDBOXES for row in rows])
    print(f"transaction that does nothing   {empty:7.2f} ms")
    print(f"a sandbox                       {each:7.2f} ms   {each / empty:.2f} of it")
    print(f"  of that, packing its function {packed:7.2f} ms")


if __name__ == "__main__":
    main()
