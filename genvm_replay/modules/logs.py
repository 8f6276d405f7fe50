"""What the modules log: one JSON object a line, `level`, `target`, `message` and facts. Never a body, never a key.

Everything in `genvm_replay.modules` logs by Python's `logging`, facts as `extra={"facts": {...}}`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import IO, Final

LEVELS: Final = {
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}
ROOT: Final = "genvm_replay"
TEXT_CHARS_MAX: Final = 2000  # of one value


def log_to(stream: IO[str], level: str, disable: str = "") -> None:
    """Send the log of this process there.

    Args:
        level: one of LEVELS.
        disable: targets that are left out, with commas between them; `*` stands for anything.
    """
    patterns = [pattern.strip() for pattern in disable.split(",")]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    handler.addFilter(lambda record: not any(fnmatchcase(_target(record), pattern) for pattern in patterns))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # of libraries
    logging.getLogger(ROOT).setLevel(LEVELS[level])


class JsonLines(logging.Formatter):
    """A record as one line. Of an exception its type and its places are told: its text could hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        told: dict[str, object] = {"level": record.levelname.lower().replace("warning", "warn")}
        own = record.name.startswith(ROOT)
        # Of libraries the fixed words only: what they fill in may be a part of a message.
        message = record.getMessage() if own else str(record.msg).partition("\n")[0]
        told |= {"target": _target(record), "message": message}
        facts = getattr(record, "facts", None)
        if isinstance(facts, Mapping):
            told |= facts
        if record.exc_info and record.exc_info[0]:
            told |= {"error": record.exc_info[0].__name__, "places": _places(record)}
        return json.dumps({name: _bounded(value) for name, value in told.items()}, default=str)


def _target(record: logging.LogRecord) -> str:
    return record.name.removeprefix(ROOT + ".")


def _places(record: logging.LogRecord) -> list[str]:
    places = []
    step = record.exc_info[2] if record.exc_info else None
    while step is not None:
        places.append(f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}")
        step = step.tb_next
    return places


def _bounded(value: object) -> object:
    return value[:TEXT_CHARS_MAX] if isinstance(value, str) else value
