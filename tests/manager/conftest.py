"""A manager's runs over a real journal, started from the shared cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from genvm_replay.executor.engine import Build
from genvm_replay.executor.python_runtime.cache import default_cache
from genvm_replay.executor.python_runtime.prepare import prepare
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.manager.runs import Runs, RunSettings
from genvm_replay.manager.versions import Versions


@pytest.fixture(scope="session")
def cache() -> Path:
    """The shared cache, with the build that runs start on."""
    chosen = os.environ.get("GENVM_REPLAY_TEST_CACHE")
    folder = Path(chosen) if chosen else default_cache(os.environ)
    prepare(folder, [Build.EPOCH, Build.FAST])
    PythonRuntime(folder).image_for(b"", "sdk")
    return folder


MakeRuns = Callable[..., Runs]


@pytest.fixture
def make_runs(tmp_path: Path, cache: Path) -> MakeRuns:
    """Makes the runs of a manager; all on the same journal unless told otherwise."""

    def make(versions: Versions | None = None, journal: str | None = None, **changes: object) -> Runs:
        url = journal or str(tmp_path / "journal.db")
        return Runs(RunSettings(url, cache, **({"permits": 4} | changes)), versions or Versions())

    return make
