"""The protocol itself does no I/O: only the named edges may import what reaches the world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import genvm_replay.host_bridge

FOLDER = Path(genvm_replay.host_bridge.__file__).parent
FORBIDDEN = {"asyncio", "socket", "select", "time", "random", "os", "threading", "aiohttp", "sqlalchemy"}
PURE = [
    *(
        "dispatch",
        "funnel",
        "host",
        "inbox",
        "limits",
        "local_host",
        "methods",
        "parts",
        "patience",
        "replies",
    ),
    *("responder", "session", "wire"),
]


@pytest.mark.parametrize("name", PURE)
def test_pure_files_import_no_io(name: str) -> None:
    """Neither a module of the list nor one of our own edges."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    edges = {"client", "server", "blocking_server", "timed_socket", "transport"}
    assert not imported & (FORBIDDEN | edges)
