"""The door that remembers: wraps another door and appends what crossed it to a line of the journal."""

from __future__ import annotations

from ...journal.events import Answer, AnyRequest
from ...journal.line import LineWriter
from .door import Effects


class Recording:
    """Performs through `inner`; appends request and answer to `line`.

    A request whose performance raises is not recorded: nothing came back, so nothing crossed.
    """

    __slots__ = ("_append", "_perform")

    def __init__(self, inner: Effects, line: LineWriter) -> None:
        self._perform = inner.perform
        self._append = line.append

    def perform(self, request: AnyRequest) -> Answer:
        """Perform, append, answer."""
        answer = self._perform(request)
        self._append(request, answer)
        return answer
