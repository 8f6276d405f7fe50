"""A true record has no contradictions, whatever the contract does to its storage; `test_causes.py` forges some."""

from __future__ import annotations

from genvm_replay.replay.audit import audit
from genvm_replay.replay.local_node import CallOptions

from .contracts import EVERYTHING, HEADER, STORAGE

CODE = (
    HEADER
    + """
class Changing(gl.Contract):
    text: str

    @gl.public.write
    def grow(self, size: int) -> int:
        for number in range(3):
            self.text = "abc"[number] * size
        return len(self.text)

    @gl.public.write
    def rewrite(self, code: bytes) -> list:
        held = gl.storage.Root.get().code.get()
        before = bytes(held[at] for at in range(4))
        held.truncate()
        held.extend(code)
        return [before, bytes(held[at] for at in range(4))]

    @gl.public.view
    def own(self) -> str:
        return self.text

    @gl.public.write
    def ask_itself(self) -> str:
        self.text = "new"
        return gl.get_contract_at(gl.message.contract_address).view().own()
"""
)


def test_true_records_have_no_contradictions(node, bench):
    """Rewritten code, texts that grow and shrink, a view of itself, failures, clock and random bytes."""
    options = CallOptions(datetime="2026-01-02T03:04:05.678Z")
    changing = node.deploy(CODE.encode(), options=options)
    ledger = node.deploy(STORAGE.encode(), [5], options=options)
    everything = node.deploy(EVERYTHING.encode(), options=options)
    made = [
        *(changing, ledger, everything),
        node.call(changing.address, "grow", [5000], options=options),
        node.call(changing.address, "grow", [700_000], options=options),
        node.call(changing.address, "ask_itself", options=options),
        node.call(changing.address, "rewrite", [b"other code"], options=options),
        node.call(ledger.address, "put", ["a", 1, ["x", "y"]], options=options),
        node.call(ledger.address, "drop", ["no"], options=options),
        node.call(everything.address, "all", ["word"], options=options),
        node.call(everything.address, "all", ["word"], options=CallOptions(fuel=400_000)),
    ]
    kinds = {one.report.outcome.kind for one in made}
    assert kinds == {"return", "user_error", "vm_error"}
    for one in made:
        assert list(audit(bench.store.load_run(one.run_id))) == []
