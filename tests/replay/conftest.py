"""One Python runtime for all tests of this folder, a database for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from genvm_replay.executor.python_runtime.cache import default_cache
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal.database import open_database
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.workbench import Workbench


@pytest.fixture(scope="session")
def runtime_cache() -> Path:
    """The user's cache, or GENVM_REPLAY_TEST_CACHE."""
    chosen = os.environ.get("GENVM_REPLAY_TEST_CACHE")
    return Path(chosen) if chosen else default_cache(os.environ)


@pytest.fixture(scope="session")
def runtime(runtime_cache: Path) -> PythonRuntime:
    """The product's runtime."""
    return PythonRuntime(runtime_cache)


@pytest.fixture
def bench(runtime: PythonRuntime, tmp_path: Path) -> Iterator[Workbench]:
    """A workbench over an empty database."""
    with open_database(tmp_path / "journal.db", durability="normal") as store:
        bench = Workbench(store, lambda: runtime)
        yield bench
        bench.close()


@pytest.fixture
def node(bench: Workbench) -> LocalNode:
    """A node over an empty database."""
    return LocalNode(bench)


@pytest.fixture(scope="module")
def chain(runtime: PythonRuntime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNode]:
    """One node for all tests of a file."""
    with open_database(tmp_path_factory.mktemp("chain") / "journal.db", durability="normal") as store:
        bench = Workbench(store, lambda: runtime)
        yield LocalNode(bench)
        bench.close()
