"""Put the guest's tree on the path, as the executor maps it at `/py/libs/`."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "genvm_replay" / "guest"))

from genvm_replay.executor.python_runtime.cache import default_cache
from genvm_replay.executor.python_runtime.runtime import PythonRuntime

from .block_runs import Bench, running_modules
from .guest_runs import Chain


@pytest.fixture
def chain(tmp_path):
    """A chain whose transactions run in a fresh process each."""
    return Chain(tmp_path)


@pytest.fixture
def contract(chain):
    """Write a contract, deploy it, give the chain."""

    def deploy(source, *args):
        chain.write_contract(source)
        ended = chain.deploy(*args)
        assert ended.exit_code == 0, ended.stderr
        return chain

    return deploy


@pytest.fixture(scope="session")
def shared_bench():
    """The real VM, with modules over WebSocket."""
    chosen = os.environ.get("GENVM_REPLAY_TEST_CACHE")
    cache = Path(chosen) if chosen else default_cache(os.environ)
    with running_modules() as modules:
        yield Bench(cache, PythonRuntime(cache), modules)


@pytest.fixture
def bench(shared_bench):
    """The same, with the modules' scripts as at first."""
    fresh = type(shared_bench.modules)()
    shared_bench.modules.web, shared_bench.modules.llm = fresh.web, fresh.llm
    return shared_bench
