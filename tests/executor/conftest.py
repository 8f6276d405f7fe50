"""The prepared Python runtime, shared by all tests of the executor.

It lies in the user's cache, so that a second test run does not compile again; GENVM_REPLAY_TEST_CACHE names another.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genvm_replay.executor.python_runtime.cache import default_cache
from genvm_replay.executor.python_runtime.prepare import PreparedRuntime, load


@pytest.fixture(scope="session")
def runtime_cache() -> Path:
    """The cache folder that `prepared_runtime` lies in. Do not damage it: copy it or use `tmp_path`."""
    chosen = os.environ.get("GENVM_REPLAY_TEST_CACHE")
    return Path(chosen) if chosen else default_cache(os.environ)


@pytest.fixture(scope="session")
def prepared_runtime(runtime_cache: Path) -> PreparedRuntime:
    """CPython as the product uses it. Builds are compiled when a test first asks for one: 5 to 10 s, once."""
    return load(runtime_cache)
