"""The service's log: a JSON object a line, on standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from aiohttp.http_exceptions import BadHttpMessage

from ..errors import UsageError

TRACE: Final = 5
LEVELS: Final = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
NAMES: Final = {number: name for name, number in LEVELS.items() if name != "warning"}
ROOT: Final = "genvm_replay"


class JsonLines(logging.Formatter):
    """Writes a record as one line, whatever stands in it."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": NAMES.get(record.levelno, record.levelname.lower()),
            "target": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told)


def is_ours(record: logging.LogRecord) -> bool:
    """Whether it is worth a line: what a client sends that is no HTTP is its own trouble, and was answered."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, BadHttpMessage)


def start_log(level: str, stream: TextIO | None = None) -> None:
    """Log to a stream from now on; None: standard error.

    Raises:
        UsageError: there is no such level.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(is_ours)
    for name in (ROOT, "aiohttp", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
    set_level(level)


def log_line(target: str, line: Mapping[str, Any]) -> None:
    """Log what another process logged, at its level."""
    level = LEVELS.get(str(line.get("level")).lower(), logging.INFO)
    logging.getLogger(f"{ROOT}.{target}").log(level, "%s", json.dumps(line, default=str))


def set_level(name: str) -> str:
    """Set the least level that is logged; its name as it is told.

    Raises:
        UsageError: there is no such level.
    """
    number = LEVELS.get(name.lower())
    if number is None:
        raise UsageError(f"there is no log level {name[:40]!r}; levels: {', '.join(LEVELS)}")
    for logger in (ROOT, "aiohttp", "asyncio"):
        logging.getLogger(logger).setLevel(number)
    return NAMES[number]
