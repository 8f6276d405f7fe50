"""The HTTP client of the modules: every hop held to the rules, every body and every wait bounded.

Redirects are followed here, not by aiohttp, because each has to pass the rules and none may carry secrets to another
host. Not here: where redirects lead (`redirects`), what is signed (`signatures`), what scripts see (`functions`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from ..errors import ModuleError
from .connect import connector, is_forbidden
from .content import ACCEPTED, ContentError, ContentTooLarge, codings, decoded
from .order import HttpOrder, HttpReply
from .policy import UrlPolicy, public, read_url
from .redirects import REDIRECTS, next_hop
from .signatures import Unsigned, normalised

REDIRECTS_MAX: Final = 10
HEADER_SIZE_MAX: Final = 1 << 16
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
COMPRESSED_HEADERS: Final = ("content-encoding", "content-length")


class HttpClient:
    """An HTTP client, to be entered before use.

    Without a policy it may connect anywhere, for hosts that the operator chose. With one, connections go to public
    addresses and redirects are checked; hosts that the policy trusts are exempt from both.
    """

    def __init__(
        self,
        policy: UrlPolicy | None,
        *,
        allow_private: bool = False,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._policy = policy
        self._public_only = policy is not None and not allow_private
        self._resolver = resolver

    async def __aenter__(self) -> Self:
        self._guarded = self._session(public_only=self._public_only)
        self.unfiltered = self._session(public_only=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._guarded.close()
        await self.unfiltered.close()

    async def request(self, order: HttpOrder) -> HttpReply:
        """Make a request; any status is a success.

        The first URL is the caller's to check (scripts do it by `check_url`); its address is checked here.

        Raises:
            ModuleError: `SENDING_REQUEST` and `READING_BODY` (fatal), the latter with `TOO_LARGE` behind it where the
                body is over the limit; `ADDRESS_FORBIDDEN`, and for redirects the codes of the policy (not fatal).
        """
        try:
            async with asyncio.timeout(order.timeout_s):
                return await self._follow(order)
        except TimeoutError as error:
            ctx = {"url": public(order.url), "timeout_ms": int(order.timeout_s * 1000)}
            raise ModuleError("SENDING_REQUEST", "TIMEOUT", fatal=True, ctx=ctx) from error

    async def _follow(self, order: HttpOrder) -> HttpReply:
        hop = replace(order, headers=normalised(order.headers))
        unsigned: Unsigned | None = None
        for _ in range(REDIRECTS_MAX + 1):
            url = read_url(hop.url)
            session = self.unfiltered if self._exempt(order, url) else self._guarded
            if hop.sign is not None:
                headers, unsigned = await hop.sign(self.unfiltered, hop.method, url, hop.headers, hop.body)
                hop = replace(hop, headers=headers, sign=None)
            reply = await _exchange(session, url, hop)
            location = reply.headers.get("location")
            if reply.status not in REDIRECTS or location is None:
                return replace(reply, unsigned=unsigned)
            policy = None if order.unfiltered else self._policy
            hop = next_hop(hop, url, reply.status, location, policy=policy)
        raise ModuleError("SENDING_REQUEST", "TOO_MANY_REDIRECTS", fatal=True, ctx={"url": public(order.url)})

    def _exempt(self, order: HttpOrder, url: URL) -> bool:
        return order.unfiltered or self._policy is None or self._policy.trusts(url.raw_host)

    def _session(self, *, public_only: bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector(public_only=public_only, resolver=self._resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            max_line_size=HEADER_SIZE_MAX,
            max_field_size=HEADER_SIZE_MAX,
            skip_auto_headers=("content-type",),
        )


async def _exchange(session: aiohttp.ClientSession, url: URL, hop: HttpOrder) -> HttpReply:
    """Make one hop and read its whole reply."""
    ctx = {"url": public(url)}
    try:
        headers = _sendable(hop.headers)
        headers.setdefault("accept-encoding", ACCEPTED.decode())
        headers.setdefault("user-agent", "genvm-replay")
        request = session.request(hop.method, url, headers=headers, data=hop.body, allow_redirects=False)
        async with request as response:
            body = await _read(response, hop.body_size_max, ctx)
            return _plain(response, body, hop.body_size_max, ctx)
    except ContentTooLarge as error:
        facts = {**ctx, "body_size_max": hop.body_size_max}
        raise ModuleError("READING_BODY", "TOO_LARGE", fatal=True, ctx=facts) from error
    except aiohttp.ClientConnectionError as error:
        if is_forbidden(error):
            raise ModuleError("ADDRESS_FORBIDDEN", ctx=ctx) from error
        raise ModuleError("SENDING_REQUEST", fatal=True, ctx={**ctx, "error": _told(error)}) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise ModuleError("SENDING_REQUEST", fatal=True, ctx={**ctx, "error": _told(error)}) from error


def _sendable(headers: Mapping[str, bytes]) -> dict[str, str]:
    """Headers as they go out.

    Raises:
        ValueError: a name is no token (RFC 9110 section 5.1): `host:x` would be read as another header.
    """
    for name in headers:
        if not TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
    return {name: value.decode("utf-8") for name, value in headers.items()}


async def _read(response: aiohttp.ClientResponse, size_max: int, ctx: Mapping[str, str]) -> bytes:
    body = bytearray()
    try:
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > size_max:
                response.close()
                raise ContentTooLarge
    except (aiohttp.ClientError, ConnectionError) as error:
        facts = {**ctx, "status": response.status, "error": _told(error)}
        raise ModuleError("READING_BODY", fatal=True, ctx=facts) from error
    return bytes(body)


def _plain(response: aiohttp.ClientResponse, body: bytes, size_max: int, ctx: Mapping[str, str]) -> HttpReply:
    headers = lowered(response)
    names = codings(headers.get("content-encoding"))
    if names:
        try:
            body = decoded(body, names, size_max=size_max)
        except ContentTooLarge:
            raise
        except ContentError as error:
            facts = {**ctx, "status": response.status, "error": str(error)}
            raise ModuleError("READING_BODY", fatal=True, ctx=facts) from error
        headers = {name: value for name, value in headers.items() if name not in COMPRESSED_HEADERS}
    return HttpReply(response.status, headers, body, str(response.url))


def lowered(response: aiohttp.ClientResponse) -> dict[str, bytes]:
    """The headers of a response: names in lower case, the last of equal ones."""
    return {name.decode("latin-1").lower(): value for name, value in response.raw_headers}


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
