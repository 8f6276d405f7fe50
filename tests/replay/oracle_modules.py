"""Scripted modules for the contract `tests/cli/contracts/oracle.py`: a page with a price, a model with one word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from guest.block_runs import Modules

from genvm_replay.calldata import Value

ORACLE = Path(__file__).parents[1] / "cli" / "contracts" / "oracle.py"


def page(body: str, status: int = 200) -> Value:
    """What the web module answers."""
    return {"Ok": {"response": {"status": status, "headers": {}, "body": body.encode()}}}


def say(modules: Modules, price: int, word: str = "fair", status: int = 200) -> None:
    """From now on the page has this price, and the model says this word."""

    def web(_asked: Any) -> Value:
        return page(str(price), status)

    def llm(_asked: Any) -> Value:
        return {"Ok": {"data": word, "consumed_gen": 1}}

    modules.web, modules.llm = web, llm
