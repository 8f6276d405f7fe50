"""Contracts of the corpus with nondeterministic blocks and calls, run against scripted modules and replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from guest.block_runs import Modules, running_modules

from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.reexecute import reexecute

from .contracts import value
from .test_corpus import ALICE, ARGUMENTS, BOB, BOB_TEXT, MOMENT, code_of

BODY = json.dumps({"b": 1, "a": 2}).encode()
SCORE = '```json\n{"winner": 1, "score": "2:1"}\n```'


def web(asked: Any) -> Any:
    if "Render" in asked:
        screenshot = asked["Render"]["mode"] == "screenshot"
        return {"Ok": {"image": b"\x89PNG"} if screenshot else {"text": "The Reds won 2:1"}}
    return {"Ok": {"response": {"status": 200, "headers": {}, "body": BODY}}}


def llm(asked: Any) -> Any:
    if "PromptTemplate" in asked:
        return {"Ok": {"data": "a summary", "consumed_gen": 1}}
    text = asked["Prompt"]["payload"]["prompt"]
    answers = {
        "ring": {"give": True, "why": "please"},
        "verdict": {"verdict": "yes"},
        "photo": {"match": True},
    }
    found = next((answer for word, answer in answers.items() if word in text), SCORE)
    return {"Ok": {"data": found, "consumed_gen": 1}}


CASES: list[tuple[str, str, list[Any], Any]] = [
    ("closures", "collect", [","], {"0": ['{"b": 1', '"a": 2}'], "1": ['{"b": 1', '"a": 2}']}),
    ("closures", "sandboxed", ["  One   TWO "], "one two"),
    ("football", "resolve", [], {"winner": 1, "score": "2:1"}),
    ("images", "look", [b"png", "is it the photo?"], None),
    ("l1_ledger", "read", ["https://a.example"], {"size": 16}),
    ("l1_ledger", "ask", ["who won?"], SCORE),
    ("non_comparative", "summarise", ["a long text"], "a summary"),
    ("prompt_wizard", "ask", ["the ring"], None),
    ("session_block", "judge", [["one", "two"]], "YES"),
    ("web_strict", "fetch", ["https://a.example"], "a,b"),
    ("web_strict", "render", ["https://a.example"], None),
    ("contract_calls", "tell", ["x"], None),
    ("evm_payout", "move", [BOB_TEXT, BOB_TEXT, 5], None),
    ("interface_vault", "give", [BOB, 5], None),
    ("factory", "make", [2], 2),
]


@pytest.fixture(scope="module")
def modules() -> Iterator[Modules]:
    """Both modules, answering by the tables above."""
    with running_modules() as running:
        running.web, running.llm = web, llm
        yield running


@pytest.mark.parametrize(("name", "method", "args", "expected"), CASES)
def test_block(
    chain: LocalNode, modules: Modules, name: str, method: str, args: list[Any], expected: Any
) -> None:
    """A call gives what the modules' answers come to, and replays from its record without them."""
    options = CallOptions(
        sender=ALICE, datetime=MOMENT, modules={"llm": modules.address, "web": modules.address}
    )
    deployed = chain.deploy(code_of(name), ARGUMENTS.get(name, []), {}, options)
    value(deployed)
    done = chain.call(deployed.address, method, args, {}, options)
    found = value(done)
    assert (len(found) if name == "factory" else found) == expected  # type: ignore[arg-type]
    bench = chain._bench
    assert reexecute(bench.store.load_run(done.run_id), bench).identical
