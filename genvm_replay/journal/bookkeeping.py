"""Lines of a run that nothing crossed the boundary of a VM on: what modules tried for their answers.

They are hashed into the run's root like all lines, so they can't be changed unseen. No replay asks for them or compares
them, and no guest sees them: a re-execution takes them over as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .. import calldata
from ..calldata import Value
from .events import Answer, ModuleAttempt

ATTEMPTS: Final = "attempts:"
RAW: Final = "raw"  # key of what the provider said


def is_bookkeeping(line: str) -> bool:
    """Whether a line is none of requests and answers."""
    return line.startswith(ATTEMPTS)


def attempts_line(line: str) -> str:
    """The line that tells what was tried for the answers on `line`."""
    return ATTEMPTS + line


def attempt(call: int, facts: Mapping[str, Value]) -> tuple[ModuleAttempt, Answer]:
    """One attempt as an event; what the provider said is its answer.

    Args:
        call: seq of the module call.
    """
    raw = facts.get(RAW)
    told = {name: value for name, value in facts.items() if name != RAW}
    return ModuleAttempt(call, calldata.encode(told)), Answer(0, raw if isinstance(raw, bytes) else None)
