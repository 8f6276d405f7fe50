"""Put the guest's tree on the path, as the executor maps it at `/py/libs/`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "genvm_replay" / "guest"))

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
