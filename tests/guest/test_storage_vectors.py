"""The storage scenarios of the vectors: every write, in order, and the final bytes."""

import json
from pathlib import Path

import pytest
from genlayer.py import calldata

from .guest_runs import guest_version

VECTORS = json.loads(Path(__file__).with_name("sdk-vectors.json").read_text())
SCENARIOS = ["scalars", "dynarray", "treemap", "records", "upgrade"]


def from_json(value):
    """Undo the vectors' `{"$bytes": hex}`."""
    if isinstance(value, dict):
        return (
            bytes.fromhex(value["$bytes"])
            if "$bytes" in value
            else {k: from_json(v) for k, v in value.items()}
        )
    return [from_json(item) for item in value] if isinstance(value, list) else value


def before_pep_695(source):
    """Python 3.11 cannot parse `class G[T]`."""
    if guest_version() >= (3, 12):
        return source
    return source.replace(
        "@allow_storage\nclass G[T]:", "T = typing.TypeVar('T')\n@allow_storage\nclass G(typing.Generic[T]):"
    )


@pytest.mark.parametrize("contract_image", [False, True], ids=["sdk_image", "contract_image"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(chain, name, contract_image):
    """The host sees the writes that it sees from the network's SDK."""
    scenario = VECTORS["storage"][name]
    chain.write_contract(before_pep_695(scenario["source"]))
    chain.contract_image = contract_image
    for step in scenario["steps"]:
        ended = chain.send(from_json(step["calldata"]), is_init=step["is_init"])
        assert ended.exit_code == step["exit"], ended.stderr
        assert ended.stdout == step["stdout"]
        assert ended.writes == step["writes"]
        assert [calldata.to_str(request) for request in ended.requests] == step["gl_calls"]
    assert chain.storage == scenario["storage"]
