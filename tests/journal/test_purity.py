"""The journal's core knows no database, no clock and no network: it can be read and tested by itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genvm_replay.journal

PACKAGE = Path(genvm_replay.journal.__file__).parent
PURE = [
    "events",
    "run",
    "payloads",
    "record",
    "run_record",
    "segment",
    "chain",
    "line",
    "recorder",
    "compression",
    "tree",
    "proof",
    "signing",
    "source",
    "stored",
    "verify",
    "segment_check",
    "delta",
]
FORBIDDEN = {
    "asyncio",
    "socket",
    "time",
    "datetime",
    "random",
    "os",
    "pathlib",
    "sqlite3",
    "sqlalchemy",
    "alembic",
}


@pytest.mark.parametrize("name", PURE)
def test_pure_files(name: str) -> None:
    """No import of the outside world."""
    tree = ast.parse((PACKAGE / f"{name}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {module.split(".")[0] for module in imported} & FORBIDDEN


def test_recording_needs_no_database() -> None:
    """The executor's process records without loading SQLAlchemy."""
    code = (
        "import sys; import genvm_replay.journal.recorder, genvm_replay.journal.delta;"
        " print([name for name in ('sqlalchemy', 'alembic', 'sqlite3') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=PACKAGE.parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"
