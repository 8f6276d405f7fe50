"""Measures contracts that use NumPy: a small call with and without it, its import, and the vector of a text.

Everything is printed as a ratio of figures taken in this one run, medians of interleaved rounds. The vector is left out
where the model's package is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.calldata import Address, Value  # noqa: E402
from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.model_files import INSTALL, PACKAGE  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.replay.local_node import LocalNode  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402

HEADER = '# { "Depends": "py-genlayer:test" }\nfrom genlayer import *\n'
EMBEDDINGS = [{"Depends": "py-lib-genlayer-embeddings:test"}, {"Depends": "py-genlayer:test"}]
SUM = "class C(gl.Contract):\n    @gl.public.view\n    def go(self) -> int:\n        {}\n        return int({})\n"
CONTRACTS = {
    "sum of ten, plain Python": HEADER + SUM.format("pass", "sum(range(10))"),
    "with numpy in the image": HEADER + "import numpy as np\n" + SUM.format("pass", "np.arange(10).sum()"),
    "numpy imported by the call": HEADER + SUM.format("import numpy as np", "np.arange(10).sum()"),
}
MODEL = f"# {json.dumps({'Seq': EMBEDDINGS})}\nfrom genlayer import *\nimport genlayer_embeddings as gle\n"
GO = (
    "class C(gl.Contract):\n    @gl.public.view\n    def go(self, text: str) -> int:\n"
    "        return len(gle.SentenceTransformer('all-MiniLM-L6-v2')(text))\n"
)
TEXTS = {"a text of 7 tokens": "what is genlayer?", "a text of 130 tokens": "word " * 128}


def main() -> None:
    """Run the measurements."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    rounds = options.parse_args().rounds
    runtime = PythonRuntime(default_cache(os.environ))
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "journal.db") as store:
        bench = Workbench(store, lambda: runtime)
        node = LocalNode(bench)
        jobs: dict[str, tuple[Address, list[Value]]] = {
            name: (node.deploy(source.encode()).address, []) for name, source in CONTRACTS.items()
        }
        if find_spec(PACKAGE):
            loaded = "gle.SentenceTransformer('all-MiniLM-L6-v2')\n"
            for where, line in (("loaded by the call", ""), ("loaded in the image", loaded)):
                address = node.deploy((MODEL + line + GO).encode()).address
                jobs |= {f"{name}, model {where}": (address, [text]) for name, text in TEXTS.items()}
        else:
            print(f"no model: {INSTALL}")
        times: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(rounds + 1):
            for name, (address, args) in jobs.items():
                started = time.perf_counter()
                done = node.call(address, "go", args, view=True)
                times[name].append(time.perf_counter() - started)
                assert done.report.outcome.kind == "return", done.streams.stderr.decode()
        bench.close()
    unit = statistics.median(next(iter(times.values()))[1:])
    for name, taken in times.items():
        median = statistics.median(taken[1:])
        print(f"{name:48} {median * 1e3:8.2f} ms {median / unit:8.1f} times the first")


if __name__ == "__main__":
    main()
