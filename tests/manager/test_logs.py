"""The log is a JSON object a line, whatever stands in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from aiohttp.http_exceptions import BadHttpMessage

from genvm_replay.errors import UsageError
from genvm_replay.manager.logs import ROOT, log_line, set_level, start_log


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged in a test; the loggers are as before afterwards."""
    loggers = [logging.getLogger(name) for name in (ROOT, "aiohttp", "asyncio")]
    before = [(logger, logger.handlers[:], logger.propagate, logger.level) for logger in loggers]
    out = io.StringIO()
    start_log("info", out)
    yield out
    for logger, handlers, propagate, level in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(log: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_line_is_an_object(log):
    logging.getLogger(f"{ROOT}.x").info("a\nb %s", '"\x1b')
    [told] = lines(log)
    assert (told["level"], told["target"], told["message"]) == ("info", f"{ROOT}.x", 'a\nb "\x1b')
    assert told["time"].endswith("+00:00")


def test_an_error_has_its_traceback(log):
    try:
        raise RuntimeError("why")
    except RuntimeError:
        logging.getLogger(ROOT).exception("failed")
    [told] = lines(log)
    assert told["traceback"].endswith("RuntimeError: why")


@pytest.mark.parametrize(
    ("given", "told", "count"), [("ERROR", "error", 1), ("warning", "warn", 2), ("trace", "trace", 5)]
)
def test_the_level_can_be_changed(log, given, told, count):
    assert set_level(given) == told
    for number in (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger(ROOT).log(number, "x")
    assert len(lines(log)) == count


def test_a_level_that_is_none_is_told(log):
    with pytest.raises(UsageError, match="loud"):
        set_level("loud")


def test_a_module_s_line_keeps_its_level(log):
    log_line("module.llm", {"level": "debug", "message": "no"})
    log_line("module.llm", {"level": "error", "message": "yes"})
    log_line("module.llm", {"message": "of no level"})
    assert [(one["level"], one["target"]) for one in lines(log)] == [
        ("error", f"{ROOT}.module.llm"),
        ("info", f"{ROOT}.module.llm"),
    ]


def test_a_client_s_broken_http_is_no_error_of_ours(log):
    """Anybody could fill the log with tracebacks."""
    try:
        raise BadHttpMessage("a header with a null byte")
    except BadHttpMessage:
        logging.getLogger("aiohttp.server").exception("Error handling request")
    assert lines(log) == []
