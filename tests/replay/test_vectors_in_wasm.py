"""The golden vectors of the deployed SDK hold inside wasm: values, write logs, storage bytes, schema, events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genvm_replay import calldata
from genvm_replay.calldata import Address
from genvm_replay.calldata.jsonform import from_json
from genvm_replay.executor.storage_slots import CODE_SLOT
from genvm_replay.journal.events import PostEvent, StorageWrite
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, failure, value

GUEST_TESTS = Path(__file__).parents[1] / "guest"
VECTORS = json.loads((GUEST_TESTS / "sdk-vectors.json").read_text())
SCENARIOS = ["scalars", "dynarray", "treemap", "records", "upgrade", "numpy"]
RUNNER = '# v0.1.10\n# { "Depends": "py-genlayer:test" }\n'
OPTIONS = CallOptions(sender=Address(b"\x02" * 20), datetime="2024-11-26T06:42:42.424242Z")


def send(node: LocalNode, address: Address | None, source: str, call: dict[str, Any]) -> Recorded:
    args, kwargs = call.get("args", []), call.get("kwargs", {})
    if address is None:
        return node.deploy(source.encode(), args, kwargs, OPTIONS)
    return node.call(address, call.get("method", ""), args, kwargs, OPTIONS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_storage_scenario(node: LocalNode, bench: Workbench, name: str) -> None:
    """Every write in order, the output, the result, and what is stored at the end."""
    scenario = VECTORS["storage"][name]
    run_scenario(node, bench, RUNNER + scenario["source"], scenario)


LAYOUTS = """
        from genlayer.py.storage.annotations import describe
        from genlayer_embeddings.vec_db import CoverTreeNode
        for d in (describe(C).fields["x"][0], describe(CoverTreeNode)):
            print({name: (off, field.size) for name, (field, off) in d.fields.items()}, d.size)
"""


def test_vector_database(node: LocalNode, bench: Workbench) -> None:
    """`VecDB`: its layout, what it prints and finds, and every write. Only how the layout is asked for is another."""
    scenario = VECTORS["storage"]["vecdb"]
    before, rest = scenario["source"].split("        from genlayer.py.storage._internal", 1)
    after = rest[rest.index("        for i,v in enumerate") :]
    runners = [{"Depends": "py-lib-genlayer-embeddings:test"}, {"Depends": "py-genlayer:test"}]
    header = "# v0.1.10\n# " + json.dumps({"Seq": runners}) + "\n"
    run_scenario(node, bench, header + before + LAYOUTS.strip("\n") + "\n" + after, scenario)


def run_scenario(node: LocalNode, bench: Workbench, source: str, scenario: dict[str, Any]) -> None:
    address = None
    for step in scenario["steps"]:
        assert step["exit"] == 0
        done = send(node, None if step["is_init"] else address, source, from_json(step["calldata"]))  # type: ignore[arg-type]
        address = done.address
        assert calldata.to_text({"Return": value(done)}) == step["gl_calls"][-1]
        assert done.streams.stdout.decode() == step["stdout"]
        events = bench.store.load_run(done.run_id).read_line("main")
        requests = [event.request for event in events]
        writes = [
            f"{request.slot.hex()[:8]} {request.index} {request.data.hex()}"
            for request in requests
            if isinstance(request, StorageWrite)
        ]
        assert writes == step["writes"]
    assert address is not None
    slots: dict[str, bytes] = {}
    for key, page in bench.store.state.pages(address.raw):
        slots[key.slot.hex()] = slots.get(key.slot.hex(), b"").ljust(4096 * key.page, b"\0") + page
    if CODE_SLOT.hex() not in scenario["storage"]:
        slots.pop(CODE_SLOT.hex())
    for slot, expected in scenario["storage"].items():
        stored = slots.pop(slot, b"")
        size = len(bytes.fromhex(expected))
        assert stored[:size].ljust(size, b"\0").hex() == expected, slot
        if slot != CODE_SLOT.hex():  # the old code's tail stays behind a shorter one
            assert not stored[size:].strip(b"\0"), slot
    assert not {slot: page for slot, page in slots.items() if page.strip(b"\0")}


def test_values_without_storage(node: LocalNode) -> None:
    """Calldata, its errors, Keccak, CREATE2 addresses, checksums, slot ids."""
    checks = (GUEST_TESTS / "vector_guest.py").read_text()
    code = (
        HEADER
        + checks
        + (
            "\nclass C(gl.Contract):\n    @gl.public.view\n    def check(self, vectors: str) -> list:\n"
            "        return [str(found) for found in differences(json.loads(vectors))]\n"
        )
    )
    address = node.deploy(code.encode()).address
    relevant = {
        name: VECTORS[name] for name in VECTORS if name not in ("storage", "schema", "event", "_about")
    }
    assert value(node.call(address, "check", [json.dumps(relevant)], view=True)) == []
    broken = {**relevant, "checksum": {"00" * 20: "0x"}}
    assert len(value(node.call(address, "check", [json.dumps(broken)], view=True))) == 1  # type: ignore[arg-type]


def test_schema(node: LocalNode) -> None:
    """`#get-schema` gives the golden text."""
    source = VECTORS["schema"]["source"]
    free = source.replace("def __init__(self, a: str", "def __init__(self, a: str = ''").replace(
        "*, c: Address", "*, c: Address = None"
    )
    address = node.deploy((RUNNER + free).encode()).address
    schema = value(node.call(address, "#get-schema", view=True))
    assert schema == json.dumps(VECTORS["schema"]["schema"], separators=(",", ":"))


def test_event(node: LocalNode, bench: Workbench) -> None:
    """Topics and blob reach the host as the golden ones; without a version the contract may not emit."""
    body = (
        "from genlayer import *\nclass TestEvent(gl.Event):\n"
        "    def __init__(self, user_id: int, action: str, /, **blob): ...\n"
        "class C(gl.Contract):\n    @gl.public.write\n    def f(self):\n"
        "        TestEvent(42, 'create', timestamp=1234567890, data='test_data').emit()\n"
    )
    done = node.call(node.deploy((RUNNER + body).encode()).address, "f")
    value(done)
    events = [event.request for event in bench.store.load_run(done.run_id).read_line("main")]
    [posted] = [request for request in events if isinstance(request, PostEvent)]
    assert [topic.hex() for topic in posted.topics] == VECTORS["event"]["topics"]
    assert posted.blob.hex() == VECTORS["event"]["blob_calldata"]
    old = '# { "Depends": "py-genlayer:test" }\n' + body
    refused = node.call(node.deploy(old.encode()).address, "f")
    assert failure(refused) == ("vm_error", "exit_code 1")
    assert "2: inval" in refused.streams.stderr.decode()
