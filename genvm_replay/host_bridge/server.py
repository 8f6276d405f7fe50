"""A host behind a socket, served by an event loop: the node's side for asyncio programs.

One server is one session, as one executor process is (spec/executor.md 1.1). The host's methods are called in the loop
and have to answer at once; a host that takes its time belongs into `blocking_server`, which has a thread.
"""

from __future__ import annotations

import asyncio
from socket import socket
from types import TracebackType

from ..errors import ExecutorLost
from .host import Host
from .limits import DEFAULT_LIMITS, RECEIVE_BYTES, Limits
from .patience import DEFAULT_TIMEOUTS, Patience, Timeouts
from .responder import ReportTaker, Responder, SessionReport, log_report
from .transport import Listener, parse_uri, reason_of


class HostServer:
    """Serves a host to one executor. An asynchronous context manager: entering begins to serve, leaving ends it."""

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
            on_end: called once, with the report, also where the server is closed first.

        Raises:
            UsageError, EnvironmentProblem: see `Listener`.
        """
        self._listener = Listener(parse_uri(uri))
        self._responder = Responder(host, limits)
        self._timeouts = timeouts
        self._on_end = on_end
        self._task: asyncio.Task[SessionReport] | None = None
        self.uri = self._listener.endpoint.uri

    async def __aenter__(self) -> HostServer:
        self._task = asyncio.create_task(self._run(), name="host server")
        await asyncio.sleep(0)  # a task that was never begun would not report
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def wait(self) -> SessionReport:
        """Wait for the end of the session."""
        assert self._task is not None, "the server was not entered"
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """End the session wherever it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._listener.close()

    async def _run(self) -> SessionReport:
        error: Exception | None = None
        try:
            with await self._accept() as connection:
                await self._serve(connection)
        except OSError as failure:
            error = self._responder.session.break_off(reason_of(failure))
        except asyncio.CancelledError:
            error = self._responder.session.break_off("the server was closed")
        except Exception as failure:
            error = failure
        finally:
            self._listener.close()
        report = self._responder.report(error)
        self._on_end(report)
        return report

    async def _accept(self) -> socket:
        self._listener.socket.setblocking(False)
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                connection, _ = await asyncio.get_running_loop().sock_accept(self._listener.socket)
        except TimeoutError as error:
            raise ExecutorLost("connect", 0, "no executor has connected in time") from error
        self._listener.close()
        return self._listener.prepare(connection)

    async def _serve(self, connection: socket) -> None:
        loop, responder, patience = asyncio.get_running_loop(), self._responder, Patience(self._timeouts)
        while not responder.done:
            wait_s = patience.wait_s(loop.time(), responder.request_begun)
            async with asyncio.timeout(self._timeouts.idle_s if wait_s is None else wait_s):
                data = await loop.sock_recv(connection, RECEIVE_BYTES)
            if not data:
                responder.session.end("end of stream")
            reply = responder.receive(data)
            if reply:
                async with asyncio.timeout(self._timeouts.transfer_s):
                    await loop.sock_sendall(connection, reply)


async def serve_asyncio(
    host: Host, uri: str, *, limits: Limits = DEFAULT_LIMITS, timeouts: Timeouts = DEFAULT_TIMEOUTS
) -> SessionReport:
    """Serve a host to one executor at `uri`, to the end of its session."""
    async with HostServer(host, uri, limits=limits, timeouts=timeouts) as server:
        return await server.wait()
