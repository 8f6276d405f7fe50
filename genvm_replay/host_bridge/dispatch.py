"""From a request to the method of a host that answers it."""

from __future__ import annotations

from collections.abc import Callable

from ..journal.events import Answer, Request
from .funnel import Funnel
from .host import Host
from .methods import METHODS


def handlers_of(host: Host) -> dict[type[Request], Callable[[Request], Answer]]:
    """The fifteen methods of a host by the request that each takes."""
    return {method.request: getattr(host, method.name) for method in METHODS}


class RecordingHost(Funnel):
    """Passes everything on to another host and keeps what was asked and answered, in order."""

    def __init__(self, host: Host) -> None:
        self._handlers = handlers_of(host)
        self.exchanges: list[tuple[Request, Answer]] = []

    def ask(self, request: Request) -> Answer:
        """What the other host answers."""
        answer = self._handlers[type(request)](request)
        self.exchanges.append((request, answer))
        return answer
