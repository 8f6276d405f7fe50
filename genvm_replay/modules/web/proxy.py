"""The only way of one page to the network: a proxy on loopback that holds every connection to the rules.

It sees hosts and ports (tunnels) or whole URLs (plain HTTP), looks names up itself and connects to the address that it
checked, so what the page's script does, and what its names resolve to later, changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from aiohttp.abc import AbstractResolver
from yarl import URL

from ..errors import ModuleError
from ..http.connect import AddressForbidden, connected
from ..http.policy import UrlPolicy

HEAD_SIZE_MAX: Final = 1 << 17
PIECE_SIZE: Final = 1 << 16
HEAD_TIMEOUT_S: Final = 60
REFUSED_MAX: Final = 1000
FORBIDDEN, NO_NAME, NO_CONNECTION, TOO_SLOW = 403, 502, 503, 408
CONNECTION_HEADERS: Final = (b"connection:", b"proxy-connection:", b"keep-alive:")


class Refused(Exception):
    """The connection may not be made, or can't be.

    Attributes:
        status: as a webdriver service tells it (spec/manager-modules.md 4.6). code: of the rule, or of what failed.
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(slots=True)
class PageProxy:
    """The proxy of one page, to be entered before use.

    Attributes:
        size_max: bytes that the page may receive and send altogether.
        refused: why connections were not made, by `host:port`; the last REFUSED_MAX.
        on_too_large: called when the page wants more than `size_max`.
    """

    policy: UrlPolicy
    size_max: int
    allow_private: bool = False
    resolver: AbstractResolver | None = None
    refused: dict[str, Refused] = field(default_factory=dict)
    on_too_large: Callable[[], None] = lambda: None
    port: int = 0
    _size: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_SIZE_MAX)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def refusal(self, location: str) -> Refused | None:
        """Why the server of a URL was not reached; None where it was."""
        return self.refused.get(_place(URL(location)))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the page's loss: the connection ends
        except asyncio.CancelledError:
            pass  # the page is closed; the server's own callback would report it
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        tunnel = method == "CONNECT"
        url = URL(f"https://{target}" if tunnel else target)
        try:
            upstream = await self._connect(url, tunnel=tunnel)
        except Refused as refused:
            self._remember(_place(url), refused)
            text = f"genvm-replay: {refused.code}\n".encode()
            writer.write(b"HTTP/1.1 %d Refused\r\nConnection: close\r\n" % refused.status)
            writer.write(b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            await writer.drain()
            return
        self.refused.pop(_place(url), None)
        from_server, to_server = await asyncio.open_connection(sock=upstream, limit=HEAD_SIZE_MAX)
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                answering = self._pump(from_server, writer)
            else:
                to_server.write(_request_head(method, url, head))
                answering = self._answer(from_server, writer)
            await _first_of(self._pump(reader, to_server), answering)
        finally:
            to_server.close()

    def _remember(self, place: str, refused: Refused) -> None:
        if len(self.refused) >= REFUSED_MAX:
            del self.refused[next(iter(self.refused))]
        self.refused[place] = refused

    async def _connect(self, url: URL, *, tunnel: bool) -> socket.socket:
        host, port = url.raw_host or "", url.port or 0
        try:
            if tunnel:
                self.policy.check_target(host, port, str(url))
            else:
                self.policy.check(str(url))
            public_only = not (self.allow_private or self.policy.trusts(host))
            return await connected(host, port, public_only=public_only, resolver=self.resolver)
        except ModuleError as error:
            raise Refused(FORBIDDEN, error.causes[0]) from error
        except AddressForbidden as error:
            raise Refused(FORBIDDEN, "ADDRESS_FORBIDDEN") from error
        except socket.gaierror as error:
            raise Refused(NO_NAME, "NAME_NOT_KNOWN") from error
        except TimeoutError as error:
            raise Refused(TOO_SLOW, "TIMEOUT") from error
        except OSError as error:
            raise Refused(NO_CONNECTION, "NO_CONNECTION") from error

    async def _answer(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass on one response. A connection serves one request, whose target was checked: the browser is told."""
        status = 100
        while 100 <= status < 200 and status != 101:
            head = await source.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1][:3])
            sink.write(_closing(head) if status != 101 else head)
        await self._pump(source, sink)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(PIECE_SIZE):
            self._size += len(piece)
            if self._size > self.size_max:
                self.on_too_large()
                return
            sink.write(piece)
            await sink.drain()


def _place(url: URL) -> str:
    return f"{url.raw_host}:{url.port}"


def _request_head(method: str, url: URL, head: bytes) -> bytes:
    """The head for the server itself: the path instead of the URL, and one request a connection."""
    return _closing(
        f"{method} {url.raw_path_qs or '/'} HTTP/1.1\r\n".encode("ascii") + head.split(b"\r\n", 1)[1]
    )


def _closing(head: bytes) -> bytes:
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(CONNECTION_HEADERS)]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


async def _first_of(*flows: object) -> None:
    """Run flows until one ends, then stop the others."""
    tasks = [asyncio.ensure_future(flow) for flow in flows]  # type: ignore[call-overload]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
