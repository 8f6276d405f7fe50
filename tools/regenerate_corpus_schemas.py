"""Writes the golden schemas of tests/guest/corpus: one JSON object, contract -> schema. Review the diff."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.replay.schema import contract_schema  # noqa: E402

CORPUS = ROOT / "tests" / "guest" / "corpus"


def main() -> None:
    """Ask every contract."""
    runtime = PythonRuntime(default_cache(os.environ))
    found = {
        path.stem: json.loads(contract_schema(runtime, path.read_bytes()))
        for path in sorted(CORPUS.glob("*.py"))
    }
    lines = ",\n".join(f'"{name}": {json.dumps(schema)}' for name, schema in found.items())
    (CORPUS / "schemas.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
