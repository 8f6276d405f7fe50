"""A bound on work that no clock is needed for: executed lines of the product."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import genvm_replay

PACKAGE = str(genvm_replay.__path__[0])


@contextmanager
def at_most(steps: int) -> Iterator[None]:
    """Fail as soon as the block has executed more lines of the product; lines of libraries don't count."""
    left = steps

    def line(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            assert left >= 0, f"more than {steps} steps"
        return line

    def call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)
    assert left < steps, "nothing was executed"
