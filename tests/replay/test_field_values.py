"""Fields of a contract's storage are set by their names; the contract itself then reads them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from genvm_replay import calldata
from genvm_replay.calldata import Address
from genvm_replay.errors import UsageError
from genvm_replay.executor.effects.supposing import Changes
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.replay.field_names import TypeRow
from genvm_replay.replay.field_values import KEY_BYTES_MAX, place_of
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.what_if import Supposition, WhatIf
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, STORAGE

EVERY_TYPE = (
    HEADER
    + """
import datetime
import typing
from dataclasses import dataclass

@allow_storage
@dataclass
class Pair:
    left: u8
    right: str

class Types(gl.Contract):
    small: u8
    signed: i64
    big: bigint
    word: str
    raw: bytes
    flag: bool
    ratio: float
    owner: Address
    since: datetime.datetime
    fixed: Array[u16, typing.Literal[3]]
    words: DynArray[str]
    pair: Pair
    pairs: DynArray[Pair]
    ages: TreeMap[Address, u32]
    seen: TreeMap[str, Pair]

    def __init__(self):
        self.since = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        self.ages[Address(b"a" * 20)] = 7
        self.seen["it's"] = Pair(1, "one")
        self.seen["other"] = Pair(2, "two")

    @gl.public.view
    def read(self) -> str:
        return repr((self.small, self.signed, self.big, self.word, self.raw, self.flag, self.ratio,
            self.owner.as_hex, self.since.isoformat(), list(self.fixed), list(self.words),
            (self.pair.left, self.pair.right), [(one.left, one.right) for one in self.pairs],
            {key.as_hex: age for key, age in self.ages.items()},
            {key: (one.left, one.right) for key, one in self.seen.items()}))
"""
)
OWNER = Address(b"o" * 20)
BEFORE: list[Any] = [
    0,
    0,
    0,
    "",
    b"",
    False,
    0.0,
    Address(bytes(20)).checksummed,
    "2020-01-01T00:00:00+00:00",
]
BEFORE += [[0, 0, 0], [], (0, ""), [], {Address(b"a" * 20).checksummed: 7}]
BEFORE += [{"it's": (1, "one"), "other": (2, "two")}]


@pytest.fixture(scope="module")
def read(runtime) -> Iterator[Supposition]:
    """A call that reads every field of the contract."""
    bench = Workbench(MemoryStore(), lambda: runtime)
    node = LocalNode(bench)
    address = node.deploy(EVERY_TYPE.encode()).address
    yield Supposition(bench.store.load_run(node.call(address, "read", view=True).run_id), bench)
    bench.close()


def supposed(supposition: Supposition, **fields: Any) -> list[Any]:
    found = supposition.suppose(
        Changes(
            storage=tuple(
                part for name, value in fields.items() for part in supposition.of_field(name, value)
            )
        )
    )
    assert found.supposed is not None, found.refused
    assert found.supposed.kind == "return", found.supposed
    return list(ast.literal_eval(str(calldata.decode(found.supposed.payload))))


@pytest.mark.parametrize(
    ("field", "value", "number", "told"),
    [
        ("small", 200, 0, 200),
        ("signed", -3, 1, -3),
        ("big", -(10**40), 2, -(10**40)),
        ("big", 0, 2, 0),
        ("word", "grüße", 3, "grüße"),
        ("raw", b"\0\1", 4, b"\0\1"),
        ("flag", True, 5, True),
        ("ratio", 2.5, 6, 2.5),
        ("ratio", 3, 6, 3.0),
        ("owner", OWNER, 7, OWNER.checksummed),
        ("owner", OWNER.checksummed, 7, OWNER.checksummed),
        ("since", "2024-05-06T07:08:09.000010+02:00", 8, "2024-05-06T07:08:09.000010+02:00"),
        ("fixed[1]", 9, 9, [0, 9, 0]),
        ("fixed", [1, 2, 3], 9, [1, 2, 3]),
        ("words", ["a", "bc"], 10, ["a", "bc"]),
        ("pair.right", "r", 11, (0, "r")),
        ("pair", {"left": 4, "right": "s"}, 11, (4, "s")),
        ("pairs", [{"left": 5, "right": "t"}], 12, [(5, "t")]),
        (f"ages['{Address(b'a' * 20).checksummed}']", 8, 13, {Address(b"a" * 20).checksummed: 8}),
        ("""seen["it's"].right""", "uno", 14, {"it's": (1, "uno"), "other": (2, "two")}),
        ("seen['other']", {"left": 3}, 14, {"it's": (1, "one"), "other": (3, "two")}),
        ("seen", {}, 14, {}),
    ],
)
def test_the_contract_reads_what_was_set(
    read: Supposition, field: str, value: Any, number: int, told: Any
) -> None:
    """That field has the value, all others are as they were."""
    assert supposed(read, **{field: value}) == [*BEFORE[:number], told, *BEFORE[number + 1 :]]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("smal", 1, "the contract has no field smal; its fields: small, signed"),
        ("pair.up", 1, "pair has no field up; its fields: left, right"),
        ("small", 256, "small is a u8"),
        ("small", True, "small is a u8 .1 bytes.: bool True is none"),
        ("word", 5, "word is a str"),
        ("owner", "0x12", "0x12"),
        ("since", "yesterday", "since is a datetime.datetime"),
        ("fixed[3]", 1, r"fixed has items \[0\] to \[2\], not \[3\]"),
        ("fixed", [1], "fixed has 3 items, not 1"),
        ("words['x']", "y", r"words is a .*it has no item \['x'\]"),
        ("seen['nobody']", {"left": 1}, r"the record does not show an entry \['nobody'\]"),
        ("seen", {"x": 1}, "seen is a TreeMap"),
        ("small.", 1, "is no name of a field"),
        ("a" * 100 + "!", 1, "is no name of a field"),
        ("words[" + "1" * 5000 + "]", "y", "is no key"),
        ("seen['\\x']", {"left": 1}, "is no key"),
        ("pair", {"up": 1}, "pair has no field up"),
    ],
)
def test_what_can_not_be_set_is_told(read: Supposition, field: str, value: Any, text: str) -> None:
    """With the name, what is there, and what is wanted."""
    with pytest.raises(UsageError, match=text):
        supposed(read, **{field: value})


def test_a_field_that_was_never_read_has_a_place_too(node: LocalNode, bench: Workbench) -> None:
    """The layout tells it: a branch that the recorded run did not take reads it then."""
    code = HEADER + (
        "class Gate(gl.Contract):\n    open: bool\n    prize: str\n\n    @gl.public.view\n"
        "    def enter(self) -> str:\n        return self.prize if self.open else 'closed'\n"
    )
    run = bench.store.load_run(node.call(node.deploy(code.encode()).address, "enter", view=True).run_id)
    gate = Supposition(run, bench)
    only_open = gate.suppose(Changes(storage=gate.of_field("open", True)))
    assert only_open.supposed is None
    assert "it reads" in only_open.refused
    both = (*gate.of_field("open", True), *gate.of_field("prize", "gold"))
    found = gate.suppose(Changes(storage=both))
    assert found.supposed is not None
    assert calldata.decode(found.supposed.payload) == "gold"


def changed(found: WhatIf) -> dict[str, tuple[Any, Any]]:
    return {one.place: (one.first, one.second) for one in found.storage}


def test_what_changed_has_the_names_of_the_fields(node: LocalNode, bench: Workbench) -> None:
    """Both values of each field that is written otherwise; nothing where nothing is."""
    address = node.deploy(STORAGE.encode(), [5]).address
    node.call(address, "put", ["alice", 7, ["x"]])
    run = bench.store.load_run(node.call(address, "put", ["alice", 1, ["y"]]).run_id)
    ledger = Supposition(run, bench)
    found = ledger.suppose(Changes(storage=ledger.of_field("total", 100)))
    assert changed(found) == {"total": (13, 101)}
    same = ledger.suppose(Changes(storage=ledger.of_field("entries['alice'].amount", 1)))
    assert changed(same) == {}
    other = STORAGE.replace("amount: u128", "amount: u64").encode()
    moved = changed(ledger.suppose(Changes(), other))
    assert all(place.startswith("slot 0x") for place in moved)


def test_a_contract_without_a_layout_has_no_fields() -> None:
    """It is said what can be given instead."""
    with pytest.raises(UsageError, match="SLOT:OFFSET=HEX"):
        place_of([], "total", lambda *_: None)


def test_a_hostile_size_of_a_key_is_not_believed() -> None:
    """A key that says it has 4 GiB is not fetched."""
    layout = [
        TypeRow("record", "c", 12, fields=[("m", 0, 1)]),
        TypeRow("treemap", "m", 12, key=2, value=3),
        TypeRow("str", "str", 4),
        TypeRow("int", "u8", 1),
    ]
    asked: list[int] = []

    def fetch(_slot: bytes, _offset: int, size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    with pytest.raises(UsageError, match="does not show an entry"):
        place_of(layout, "m['a']", fetch)
    assert max(asked) <= KEY_BYTES_MAX
