"""The vectors that need no storage scenario: encodings, hashes, addresses, schema, event."""

import json
from pathlib import Path

import pytest
from genlayer.py import calldata

from . import vector_guest

VECTORS = json.loads(Path(__file__).with_name("sdk-vectors.json").read_text())


@pytest.mark.parametrize("name", vector_guest.CHECKS)
def test_pure_vectors(name):
    """Values, errors and hashes are those of the network's SDK."""
    results = vector_guest.CHECKS[name](VECTORS[name])
    assert results
    for key, got, wanted in results:
        assert got == wanted, key


def test_vector_script(tmp_path):
    """The checks run as a script, without pytest."""
    assert vector_guest.differences(VECTORS) == []
    wrong = {**VECTORS, "checksum": {"00" * 20: "0x"}}
    assert len(vector_guest.differences(wrong)) == 1


def test_schema(contract):
    """`#get-schema` gives the same JSON, in the same order."""
    chain = contract(
        VECTORS["schema"]["source"]
        .replace("def __init__(self, a: str", "def __init__(self, a: str = ''")
        .replace("*, c: Address", "*, c: Address = None")
    )
    ended = chain.call("#get-schema")
    assert ended.returned == json.dumps(VECTORS["schema"]["schema"], separators=(",", ":")), ended.stderr


def test_event(contract):
    """Topics and blob are those of the vector, its swapped names included."""
    chain = contract(
        "from genlayer import *\n"
        "class TestEvent(gl.Event):\n"
        "    def __init__(self, user_id: int, action: str, /, **blob): ...\n"
        "class C(gl.Contract):\n"
        "    @gl.public.write\n"
        "    def f(self):\n"
        "        TestEvent(42, 'create', timestamp=1234567890, data='test_data').emit()\n"
        "        return TestEvent.signature\n"
    )
    ended = chain.call("f")
    event = ended.requests[0]["EmitEvent"]
    assert [topic.hex() for topic in event["topics"]] == VECTORS["event"]["topics"]
    assert calldata.encode(event["blob"]).hex() == VECTORS["event"]["blob_calldata"]
    assert ended.returned == VECTORS["event"]["signature"]


def test_star_import():
    """`from genlayer import *` gives exactly the names of sdk.md section 1.1."""
    names: dict = {}
    exec("from genlayer import *", names)
    wanted = ["gl", "Address", "allow_storage", "Array", "DynArray", "Keccak256", "TreeMap", "bigint"]
    wanted += [f"{sign}{bits}" for sign in "ui" for bits in range(8, 257, 8)]
    assert sorted(names.keys() - {"__builtins__"}) == sorted(wanted)
