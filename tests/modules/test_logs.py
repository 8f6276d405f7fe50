"""The log of a module: one JSON object a line, and nothing in it that a module was told."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from genvm_replay.modules.logs import log_to


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The log, and the loggers as they were afterwards."""
    root, own = logging.getLogger(), logging.getLogger("genvm_replay")
    before = list(root.handlers), root.level, own.level
    stream = io.StringIO()
    log_to(stream, "info")
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_facts(stream: io.StringIO) -> None:
    """Level, target, message, facts; lower levels are left out, long texts are cut."""
    log = logging.getLogger("genvm_replay.modules.test")
    log.debug("not told")
    log.warning("it %s", "was", extra={"facts": {"run": "1\n2", "long": "x" * 9999}})
    assert lines(stream) == [
        {"level": "warn", "target": "modules.test", "message": "it was", "run": "1\n2", "long": "x" * 2000}
    ]


def test_exceptions(stream: io.StringIO) -> None:
    """Type and places; the text could hold a key."""
    try:
        raise ValueError("sk-secret")
    except ValueError:
        logging.getLogger("genvm_replay.x").error("failed", exc_info=True)
        logging.getLogger("library").error("oops %s\nsk-secret", "sk-secret", exc_info=True)
    own, foreign = lines(stream)
    assert own["error"] == "ValueError"
    assert own["places"][0].startswith(__file__)
    assert foreign["message"] == "oops %s"
    assert "sk-secret" not in stream.getvalue()


def test_targets_that_are_left_out(stream: io.StringIO) -> None:
    """By their names, with `*` for anything; an empty setting leaves out nothing."""
    log_to(stream, "info", "modules.web.*, aiohttp.server,")
    for name in (
        "genvm_replay.modules.web.module",
        "aiohttp.server",
        "aiohttp.client",
        "genvm_replay.modules.website",
    ):
        logging.getLogger(name).warning("told")
    assert [line["target"] for line in lines(stream)] == ["aiohttp.client", "modules.website"]
