"""Contracts as people write them (tests/guest/corpus): each gives its schema, deploys, and does what is asked of it.

The corpus covers what the documentation shows and what public contracts do (spec/sdk.md section 10). The golden schemas are
written by tools/regenerate_corpus_schemas.py and reviewed as a diff.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genvm_replay.calldata import Address
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.schema import contract_schema

from .contracts import failure, value

CORPUS = Path(__file__).parents[1] / "guest" / "corpus"
CONTRACTS = sorted(path.stem for path in CORPUS.glob("*.py"))
SCHEMAS = json.loads((CORPUS / "schemas.json").read_text())
ALICE, BOB = Address(b"\x0a" * 20), Address(b"\x0b" * 20)
MOMENT = "2026-05-06T07:08:09.123456Z"
BOB_TEXT = "0x0b0b0b0b0B0b0b0B0B0B0B0B0b0B0b0b0b0B0b0B"

ARGUMENTS: dict[str, list[Any]] = {
    "arguments": ["n"],
    "closures": [["https://a.example", "https://b.example"]],
    "contract_calls": [BOB_TEXT],
    "dyn_array_use": [[1, 2, 3]],
    "errors": [3],
    "float_prices": ["0.5"],
    "football": ["2026-05-05", "Reds", "Blues"],
    "from_gl": ["ann"],
    "future_annotations": ["root"],
    "helpers": [100],
    "inheritance": [1000],
    "interface_vault": [BOB, 5],
    "l1_ledger": [100],
    "message": [2],
    "old_header": [7],
    "prompt_wizard": [True],
    "scalars": ["héllo", ALICE],
    "session_block": ["Is it so?"],
    "upgradable": ["first"],
}
"""Constructor arguments, where there are any."""

EVERYTHING = {
    **{
        "flag": True,
        "tiny": 255,
        "small": 65_535,
        "middle": 7,
        "large": 2**64 - 1,
        "odd": 1,
        "huge": 2**256 - 1,
    },
    **{"signed": -5, "unbounded": -(10**40), "ratio": "0.125", "text": "héllo", "raw": b"\0\1", "who": ALICE},
    **{"when": "2026-01-02T03:04:05.000006+00:00", "nothing": None},
}
ESCROW = {
    "buyer": "0x" + "0a" * 20,
    "amount": "0",
    "deadline": 1778224089,
    "state": "open",
    "notes": ["open: hi"],
    "rating": 2,
}
BOXED = [["first", 5, []], ["second", 7, ["a", "b"]], {"content": 9, "label": "nine"}, ["x"]]
CALLS: dict[str, list[tuple[str, list[Any], Any]]] = {
    "arguments": [
        ("last_call", [], "n 3 False"),
        ("texts", [["a", "b"]], "a b"),
        ("numbers", [1, 2, 3, -4, 5, 10**40], 10**40 + 7),
        ("containers", [[1], [2], {"k": 3}, {"l": 4}, [5, "6"]], [[1], [2], {"k": 3}, {"l": 4}, [5, "6"]]),
        ("raw", [b"\1", BOB, "plain"], {"data": b"\1", "who": BOB, "plain": "plain", "flag": True}),
        ("either", [], "None"),
    ],
    "class_defaults": [("limits", [], [0, 1000, 0])],
    "dyn_array_use": [
        ("edit", [], [[7, 100, 4, 3, 2], [100, 4], 0, 1, True, 5, "[7,100,4,3,2]", 100, [2, 3, 4, 7, 100]]),
        ("kinds", [], [True, False]),
        ("page", [1, 2], [100, 4]),
        ("drain", [], 116),
    ],
    "empty_containers": [
        ("sizes", [], [0, 0, 0, 0]),
        ("use", [], None),
        ("sizes", [], [1, 1, 1, 3]),
        ("reset", [], None),
        ("sizes", [], [0, 0, 0, 1]),
    ],
    "errors": [
        (
            "caught",
            [],
            [
                "mine",
                "ValueError: bad value",
                "TooLow: level 3",
                "KeyError: 'absent'",
                "ZeroDivisionError: division by zero",
            ],
        ),
        ("checked", [10], None),
    ],
    "escrow": [("start", [BOB_TEXT, 2], 0), ("note", [0, "hi"], None), ("get_deal", [0], ESCROW)],
    "fixed_arrays": [("play", [4, 2], "....o...."), ("players", [], ["x", "o", "9", "[[], [4]]"])],
    "float_prices": [
        ("update", ["a", "0.25"], "0.2500"),
        ("update", ["b", "0.75"], "0.5000"),
        ("volatility", [], repr(2**-1.5)),
    ],
    "from_gl": [("raise_score", ["ann", 4], 5), ("ranking", [], [["ann", 5]])],
    "future_annotations": [
        ("grow", [[], "leaf"], 1),
        ("grow", [[0], "bud"], 1),
        (
            "outline",
            [],
            {
                "label": "root",
                "children": [{"label": "leaf", "children": [{"label": "bud", "children": []}]}],
            },
        ),
    ],
    "helpers": [("pay", [50], '{"kind": "Helpers", "total": 199}')],
    "inheritance": [
        ("transfer", [BOB_TEXT, 400], True),
        ("balance_of", [BOB_TEXT], 400),
        ("pause", [], None),
    ],
    "json_store": [
        ("put", ["k", {"a": 1}], 13),
        ("get", ["k"], {"a": 1}),
        ("get", ["z"], None),
        ("version", [0], '{"k":{"a":1}}'),
    ],
    "language": [
        ("bump", [], 2),
        (
            "features",
            [{"kind": "k", "a": 1}],
            [
                "begin block",
                "k 1",
                "end block",
                "size=3",
                "block",
                "kcolb nigeb",
                "1,000,000",
                "1.2",
                "ünï🎲",
            ],
        ),
        (
            "features",
            [[1, 2]],
            [
                "begin block",
                "1 1",
                "end block",
                "size=3",
                "block",
                "kcolb nigeb",
                "1,000,000",
                "1.2",
                "ünï🎲",
            ],
        ),
        ("generate", [12], {"primes": [2, 3, 5, 7, 11], "squares": [0, 1, 2, 4]}),
    ],
    "library_use": [
        (
            "parse",
            ["https://site.example/some/Path?x=1"],
            ["site.example", "a%20b/c", "q=x+y", "some", "Path"],
        ),
        (
            "compute",
            [],
            ["3.30", "1/2", "10000000000", "120", "ababa", "a3", "one two...", "hi!", "OPEN", "HIGH"],
        ),
        ("clean", ['```json\n{"a": 1,}```'], {"a": 1}),
    ],
    "market": [
        ("open_market", ["Rain?"], "m1"),
        ("bet", ["m1", "yes"], None),
        ("close", ["m1"], None),
        (
            "show",
            ["m1"],
            {
                "question": "Rain?",
                "open": False,
                "totals": {"yes": 0},
                "bets": [{"side": "yes", "stake": 0, "settled": True}],
            },
        ),
        ("show", ["m9"], None),
        ("points_of", [str(ALICE)], {"m1": 1}),
    ],
    "memory_records": [("show", [], BOXED), ("change", [], ["second", "changed", "b"])],
    "message": [("times", [], ["2026-05-06T07:08:09.123456+00:00", "2026-05-06 07:08:09.123456", "True"])],
    "min_gas": [("costly", [], "done"), ("paid", [], 0)],
    "module_import": [
        ("same", [], True),
        ("vote", [3], None),
        ("get_log", [], ['{"by":addr#' + "0a" * 20 + ',"amount":3}']),
    ],
    "nested_maps": [
        ("grant", [BOB, "read", 3], None),
        (
            "of",
            [BOB],
            {
                "grants": {"read": {"scope": "read", "level": 3}},
                "tags": ["read"],
                "names": [[0, "read"]],
                "rank": 3,
                "pair": ALICE,
                "members": ["read"],
            },
        ),
    ],
    "no_constructor": [("set", [3, "x"], None), ("get", [], [3, "x"])],
    "old_header": [("set", [9], None), ("get", [], 9)],
    "return_types": [
        ("maybe", [True], {"yes": 1}),
        ("pair", [], [1, "2"]),
        ("spot", [], [3, 4]),
        ("typed", [], {"left": 1, "right": "r"}),
        ("unbounded", [], -(2**300)),
        ("of_any", [], {"x": [1, "2", b"3"]}),
    ],
    "scalars": [("everything", [], EVERYTHING)],
    "special_methods": [
        ("", [], None),
        ("anything", [1, 2], 1),
        ("#error", [], None),
        ("state", [], [0, ["anything 2 []"], 1]),
    ],
    "streams": [("say", ["hi"], 2)],
    "text_ledger": [("add", ["one"], None), ("all", [], ["one"]), ("by", [], [str(ALICE)]), ("count", [], 1)],
    "tip_jar": [("get_total", [], 0), ("get_balance", [], 0), ("best", [], None)],
    "tree_map_use": [
        (
            "edit",
            [],
            [
                3,
                None,
                5,
                0,
                6,
                ["a", "d", "e", "f"],
                [["a", 11], ["d", 4], ["e", 5], ["f", 6]],
                [11, 4, 5, 6],
                4,
                True,
                True,
                "{'a':11,'d':4,'e':5,'f':6}",
            ],
        ),
        ("ordered", [], [[-3, 0, 5], "a", [11, 6, 5, 4]]),
        ("missing", [], "KeyError ()"),
        ("first", [], ["a", 11]),
        ("mapping", [], {"d": 4, "e": 5, "f": 6}),
    ],
    "undeclared": [("look", [], [1, False])],
    "upgradable": [("slots", [], [1, 4, True])],
}
"""Calls in order, each with its arguments and result."""

FAILURES = {
    ("errors", "user_error"): ("user_error", "mine"),
    ("errors", "short_name"): ("user_error", "short"),
    ("errors", "value_error"): ("vm_error", "exit_code 1"),
    ("errors", "own"): ("vm_error", "exit_code 1"),
    ("helpers", "hidden"): ("vm_error", "exit_code 1"),
    ("tip_jar", "tip"): ("user_error", "send some value"),
}


def deploy(chain: LocalNode, name: str) -> Address:
    deployed = chain.deploy(
        code_of(name), ARGUMENTS.get(name, []), {}, CallOptions(sender=ALICE, datetime=MOMENT)
    )
    value(deployed)
    assert deployed.address is not None
    return deployed.address


def code_of(name: str) -> bytes:
    return (CORPUS / f"{name}.py").read_bytes()


@pytest.mark.parametrize("name", CONTRACTS)
def test_contract(chain: LocalNode, runtime: PythonRuntime, name: str) -> None:
    """The schema is the golden one; the contract deploys; its calls give what they should."""
    assert json.loads(contract_schema(runtime, code_of(name))) == SCHEMAS[name]
    address = deploy(chain, name)
    for method, args, expected in CALLS.get(name, []):
        done = chain.call(address, method, args, {}, CallOptions(sender=ALICE, datetime=MOMENT))
        assert value(done) == expected, method


@pytest.mark.parametrize(("name", "method"), FAILURES)
def test_failure(chain: LocalNode, name: str, method: str) -> None:
    """What a contract raises is the outcome that the author meant."""
    address = deploy(chain, name)
    done = chain.call(address, method, [], {}, CallOptions(sender=ALICE, datetime=MOMENT))
    assert failure(done) == FAILURES[name, method]


def test_tables_name_contracts() -> None:
    """No row is about a contract that is not there, and every contract has a golden schema."""
    assert {*ARGUMENTS, *CALLS} <= set(CONTRACTS)
    assert sorted(SCHEMAS) == CONTRACTS
