"""Contracts for tests, and how their results are read."""

from __future__ import annotations

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.replay.local_node import Recorded

HEADER = '# v0.1.10\n# { "Depends": "py-genlayer:test" }\nfrom genlayer import *\n'

STORAGE = (
    HEADER
    + """
from dataclasses import dataclass

@allow_storage
@dataclass
class Entry:
    name: str
    amount: u128
    tags: DynArray[str]

class Ledger(gl.Contract):
    total: bigint
    entries: TreeMap[str, Entry]
    log: DynArray[Entry]
    nested: TreeMap[u8, TreeMap[str, DynArray[i64]]]
    owner: Address
    open: bool

    def __init__(self, start: int = 0):
        self.total = start
        self.owner = gl.message.sender_address
        self.open = True

    @gl.public.write
    def put(self, name: str, amount: int, tags: list[str]) -> int:
        entry = self.entries.get_or_insert_default(name)
        entry.name = name
        entry.amount = u128(amount)
        entry.tags = tags
        self.total = self.total + amount
        return len(self.entries)

    @gl.public.write
    def drop(self, name: str) -> bool:
        if name not in self.entries:
            raise gl.vm.UserError(f"no entry {name}")
        self.total = self.total - self.entries[name].amount
        del self.entries[name]
        return True

    @gl.public.write
    def note(self, name: str, at: int) -> None:
        self.log.append(self.entries[name])
        print("noted", name, len(self.log))
        self.log[at].name = name.upper()

    @gl.public.write
    def nest(self, key: int, name: str, values: list[int]) -> int:
        row = self.nested.get_or_insert_default(u8(key)).get_or_insert_default(name)
        row.extend(values)
        return sum(row)

    @gl.public.write
    def shrink(self, count: int) -> None:
        for _ in range(count):
            self.log.pop()

    @gl.public.view
    def dump(self) -> dict:
        return {
            "total": self.total,
            "entries": {k: [e.name, e.amount, list(e.tags)] for k, e in self.entries.items()},
            "log": [[e.name, e.amount] for e in self.log],
            "nested": {str(k): {n: list(r) for n, r in m.items()} for k, m in self.nested.items()},
            "owner": self.owner,
        }
"""
)

EVERYTHING = (
    HEADER
    + """
import datetime, os, random, sys, time

class Happened(gl.Event):
    def __init__(self, what: str, /, **blob): ...

class All(gl.Contract):
    data: DynArray[u8]
    text: str

    @gl.public.write.payable
    def all(self, word: str) -> list:
        self.text = word
        self.data.append(7)
        Happened(word, size=len(self.text)).emit()
        gl.trace("tracing", word)
        print("out", word)
        print("err", word, file=sys.stderr)
        moment = datetime.datetime.now(datetime.timezone.utc).isoformat()
        other = Address(b"\\x07" * 20)
        with open("/contract.py", "rb") as source:
            first = source.read(5)
        return [moment, os.urandom(5), random.Random(1).random() > 2, self.balance, first, len(self.data)]

    @gl.public.view
    def balance_of(self, address: str) -> int:
        import _genlayer_wasi
        return _genlayer_wasi.get_balance(Address(address).as_bytes)
"""
)


def value(recorded: Recorded) -> Value:
    """The returned value; fails the test if the contract did not return."""
    outcome = recorded.report.outcome
    assert outcome.kind == "return", (outcome, recorded.streams.stderr.decode(), recorded.report.traceback)
    return calldata.decode(outcome.payload)


def failure(recorded: Recorded) -> tuple[str, str]:
    """Kind and message of a failed run."""
    outcome = recorded.report.outcome
    assert outcome.kind != "return", value(recorded)
    return outcome.kind, outcome.payload.decode()
