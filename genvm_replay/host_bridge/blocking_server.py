"""A host behind a socket, served by a thread: for tests, tools and nodes without an event loop.

One server is one session, as one executor process is (spec/executor.md 1.1): it takes the first connection, stops
listening, answers, and ends.
"""

from __future__ import annotations

import threading
from contextlib import closing
from time import monotonic
from types import TracebackType

from ..errors import ExecutorLost
from .host import Host
from .limits import DEFAULT_LIMITS, RECEIVE_BYTES, Limits
from .patience import DEFAULT_TIMEOUTS, Patience, Timeouts
from .responder import ReportTaker, Responder, SessionReport, log_report
from .timed_socket import TimedSocket
from .transport import Listener, parse_uri, reason_of


class BlockingHostServer:
    """Serves a host to one executor. A context manager: entering begins to serve, leaving ends it."""

    def __init__(
        self,
        host: Host,
        uri: str = "127.0.0.1:0",
        *,
        limits: Limits = DEFAULT_LIMITS,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        on_end: ReportTaker = log_report,
    ) -> None:
        """Listen at `uri`, a Unix socket or a loopback address; port 0 is any free one.

        Args:
            host: its methods are called in the server's thread.
            on_end: called there too, once, with the report.

        Raises:
            UsageError, EnvironmentProblem: see `Listener`.
        """
        self._listener = Listener(parse_uri(uri))
        self._responder = Responder(host, limits)
        self._timeouts = timeouts
        self._on_end = on_end
        self._report: SessionReport | None = None
        self._guard = threading.Lock()  # of the two below
        self._connection: TimedSocket | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="host server", daemon=True)
        self.uri = self._listener.endpoint.uri

    def __enter__(self) -> BlockingHostServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, timeout_s: float | None = None) -> SessionReport | None:
        """Wait for the end of the session; None if it still runs after `timeout_s`."""
        assert self._thread.ident is not None, "the server was not entered"
        self._thread.join(timeout_s)
        return self._report

    def close(self) -> None:
        """End the session wherever it is. Waits for a host method that is being called, `transfer_s` at most."""
        with self._guard:
            self._closing = True
            if self._connection is not None:
                self._connection.cut()
            elif self._thread.is_alive():
                self._listener.wake()
        if self._thread.ident is not None:
            self._thread.join(self._timeouts.transfer_s)
        self._listener.close()

    def _run(self) -> None:
        error: Exception | None = None
        try:
            with closing(self._accept()) as connection:
                self._serve(connection)
        except OSError as failure:
            error = self._responder.session.break_off(self._reason(reason_of(failure)))
        except Exception as failure:
            error = failure
        finally:
            self._listener.close()
            self._report = self._responder.report(error)
            self._on_end(self._report)

    def _reason(self, seen: str) -> str:
        return "the server was closed" if self._closing else seen

    def _accept(self) -> TimedSocket:
        try:
            connection = self._listener.accept(self._timeouts.connect_s)
        except TimeoutError as error:
            raise ExecutorLost("connect", 0, "no executor has connected in time") from error
        with self._guard:
            if self._closing:
                connection.close()
                raise ConnectionAbortedError
            timeouts = self._timeouts
            self._connection = TimedSocket(connection, receive_s=timeouts.idle_s, send_s=timeouts.transfer_s)
        self._listener.close()
        return self._connection

    def _serve(self, connection: TimedSocket) -> None:
        responder, patience = self._responder, Patience(self._timeouts)
        buffer = memoryview(bytearray(RECEIVE_BYTES))
        while not responder.done:
            size = connection.receive(buffer, patience.wait_s(monotonic(), responder.request_begun))
            if size == 0:
                responder.session.end(self._reason("end of stream"))
            reply = responder.receive(buffer[:size])
            if reply:
                connection.send(reply)
