"""The node's side of a session without its socket: received bytes in, bytes to send out, a host in between.

Both servers are thin edges over this; so is a node that has its own event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .dispatch import handlers_of
from .host import Host
from .inbox import Bytes
from .limits import DEFAULT_LIMITS, Limits
from .session import NodeSession

LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReport:
    """How a session ended.

    Attributes:
        finished: the result was handed over and acknowledged.
        requests: how many were answered.
        error: what ended it before that: ExecutorLost, PeerProtocolError, or what the host raised. None if finished.
    """

    finished: bool
    requests: int
    error: Exception | None = None


ReportTaker = Callable[[SessionReport], None]


def log_report(report: SessionReport) -> None:
    """Tell the log how a session ended."""
    if report.error is None:
        LOG.debug("a session was finished after %d requests", report.requests)
    else:
        LOG.error("a session failed after %d requests: %s", report.requests, report.error)


class Responder:
    """Answers an executor from a host."""

    def __init__(self, host: Host, limits: Limits = DEFAULT_LIMITS) -> None:
        self.session = NodeSession(limits)
        self._handlers = handlers_of(host)
        self._requests = 0

    @property
    def done(self) -> bool:
        """Whether the session is over: what `receive` gave last has to be sent, then the connection is closed."""
        return self.session.done

    @property
    def request_begun(self) -> bool:
        """Whether a request has begun to arrive and is not whole."""
        return self.session.received > 0

    def receive(self, data: Bytes) -> bytes:
        """Answer what the received bytes complete; b"" if there is nothing to send.

        Raises:
            PeerProtocolError: the executor broke the protocol; hang up.
            LocalProtocolError: the host gave an answer that does not fit; hang up.
            Exception: whatever the host raises.
        """
        session = self.session
        session.feed(data)
        replies = b""
        while (request := session.pull()) is not None:
            replies += session.answer(self._handlers[type(request)](request))
            self._requests += 1
        return replies

    def report(self, error: Exception | None = None) -> SessionReport:
        """How the session ended."""
        return SessionReport(finished=self.done, requests=self._requests, error=error)
