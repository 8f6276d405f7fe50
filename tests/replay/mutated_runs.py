"""Real recordings to be mutated: three contracts, between them every kind of event that a mutation has a place for."""

from __future__ import annotations

from collections.abc import Iterator

from guest.block_runs import running_modules

from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded

from .contracts import EVERYTHING, HEADER

WHEN = "2026-01-02T03:04:05Z"
SHOP = (
    HEADER
    + """
class Moved(gl.Event):
    def __init__(self, what: str, /, **blob): ...

class Shop(gl.Contract):
    stock: TreeMap[str, u32]
    sold: u32

    def __init__(self):
        self.stock["tea"] = u32(40)

    @gl.public.write
    def sell(self, name: str, count: int) -> int:
        left = self.stock[name] - count
        print("left", left)
        if left < 0:
            raise gl.vm.UserError(f"only {self.stock[name]} of {name}")
        self.stock[name] = u32(left)
        self.sold = u32(self.sold + count)
        Moved(name, count=count).emit()
        gl.get_contract_at(Address(b"\\x09" * 20)).emit().restock(name, count)
        return left

    @gl.public.write
    def fail(self) -> None:
        raise ValueError("on purpose")

    @gl.public.write
    def fill(self, size: int) -> int:
        return len(bytearray(size))
"""
)
OUTLOOK = (
    HEADER
    + """
class Outlook(gl.Contract):
    word: str

    @gl.public.write
    def ask(self, url: str) -> str:
        def leader():
            page = gl.nondet.web.render(url, mode="text")
            return gl.nondet.exec_prompt(f"how will it move? {page}").strip().lower()
        self.word = gl.vm.run_nondet_unsafe(leader, lambda result: True)
        return self.word
"""
)


def recorded_runs(node: LocalNode) -> Iterator[tuple[str, StoredRun]]:
    """Name and record of each run."""

    def load(done: Recorded) -> StoredRun:
        return node._bench.store.load_run(done.run_id)

    options = CallOptions(datetime=WHEN)
    shop = node.deploy(SHOP.encode(), options=options).address
    yield "a sale", load(node.call(shop, "sell", ["tea", 3], options=options))
    yield "a refused sale", load(node.call(shop, "sell", ["tea", 100], options=options))
    metered = CallOptions(datetime=WHEN, fuel=10**9)
    yield "a metered sale", load(node.call(shop, "sell", ["tea", 3], options=metered))
    every = node.deploy(EVERYTHING.encode(), options=options).address
    paid = CallOptions(datetime=WHEN, value=3, fuel=10**9)
    yield "every request", load(node.call(every, "all", ["word"], options=paid))
    with running_modules() as modules:
        modules.llm = lambda _: {"Ok": {"data": "Rising", "consumed_gen": 1}}
        addresses = {"llm": modules.address, "web": modules.address}
        reached = CallOptions(datetime=WHEN, fuel=10**9, modules=addresses)
        outlook = node.deploy(OUTLOOK.encode(), options=reached).address
        done = node.call(outlook, "ask", ["http://a.example/"], options=reached)
    yield "an outlook", load(done)
