"""The door that remembers: wraps another door and appends what crossed it to a line of the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...journal.events import Answer, AnyRequest
from .door import MAIN_LINE, Effects

if TYPE_CHECKING:
    from ...journal.recorder import RunRecorder


class Recording:
    """Performs through `inner`; appends request and answer to a line of `recorder`.

    A request whose performance raises is not recorded: nothing came back, so nothing crossed.
    """

    __slots__ = ("_append", "_inner", "_perform", "_recorder")

    def __init__(self, inner: Effects, recorder: RunRecorder, line: str = MAIN_LINE) -> None:
        self._inner = inner
        self._recorder = recorder
        self._perform = inner.perform
        self._append = recorder.line(line).append

    def perform(self, request: AnyRequest) -> Answer:
        """Perform, append, answer."""
        answer = self._perform(request)
        self._append(request, answer)
        return answer

    def line(self, name: str) -> Recording:
        """Record another line."""
        return Recording(self._inner.line(name), self._recorder, name)
