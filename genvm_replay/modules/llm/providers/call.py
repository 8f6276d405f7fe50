"""The one HTTP call behind every provider, and the codes of what can go wrong with it (spec/manager-modules.md 2.4).

All of them are fatal as they are raised here; a script catches them and asks elsewhere. `ctx` has `url`, `reason`,
and as far as it came `status`, `headers`, `retry_after_ms` and the beginning of `body`. As at the peers a body is
read as JSON before its status is looked at: a page in HTML gives `READING_BODY` whatever its status, and
`ctx.status` says which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from ...errors import ModuleError
from ..ask import Ask, Reply
from ..redaction import Redactor
from .wire import Shape, WireRequest

BODY_BYTES_MAX: Final = 32 << 20
BODY_BYTES_PLAIN: Final = 16 << 20
BYTES_PER_TOKEN: Final = 16
CHUNK_BYTES: Final = 64 << 10
TOLD_BYTES_MAX: Final = 2048
TOLD_HEADERS: Final = ("content-type", "retry-after", "x-request-id", "request-id", "server")
HEADER_BYTES_MAX: Final = 16 << 10
CONNECT_SECONDS_MAX: Final = 20
CONNECTIONS_MAX: Final = 256
RETRY_AFTER_SECONDS_MAX: Final = 86_400


def open_http() -> aiohttp.ClientSession:
    """The connections of a module to all of its providers: no proxy of the environment, no cookies, no compression."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "genvm-replay"},
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
    )


async def call(
    http: aiohttp.ClientSession, shape: Shape, host: str, key: str, ask: Ask, timeout_s: float
) -> Reply:
    """Ask a service.

    Raises:
        ModuleError: `SENDING_REQUEST`: no answer began. `READING_BODY`: its body did not come whole, is too large or no
            JSON. `STATUS_NOT_OK`: any status but 200. `DESERIALIZING`: JSON without an answer in it.
    """
    request = shape.build_request(ask, key)
    url = host.rstrip("/") + request.path
    size_max = min(BODY_BYTES_MAX, BODY_BYTES_PLAIN + BYTES_PER_TOKEN * ask.max_tokens)
    clean = Redactor([key]).clean  # before anything is cut: half a key would not be found
    facts: dict[str, Any] = {"url": url}
    code = "SENDING_REQUEST"
    try:
        async with _post(http, url, request, timeout_s) as response:
            code = "READING_BODY"
            facts |= _facts(response.status, response.headers, clean)
            body = await _read(response.content, size_max)
    except TimeoutError as error:
        raise _failed(code, facts, f"no answer within {timeout_s:g}s") from error
    except (aiohttp.ClientError, OSError, _TooLarge, ValueError) as error:
        raise _failed(code, facts, _readable(clean(_told(error)))) from error
    facts["body"] = clean(body)[:TOLD_BYTES_MAX].decode("utf-8", "replace")
    document = _parsed(body, lambda reason: _failed("READING_BODY", facts, reason))
    if facts["status"] != 200:
        raise _failed("STATUS_NOT_OK", facts, "the status is not 200")
    try:
        return replace(shape.read_response(ask, document), raw=body)
    except ModuleError as error:
        raise ModuleError(*error.causes, fatal=error.fatal, ctx={**facts, **error.ctx}) from error


def _post(http: aiohttp.ClientSession, url: str, request: WireRequest, timeout_s: float) -> Any:
    """Redirects are not followed: the key is for this host."""
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=None, sock_connect=CONNECT_SECONDS_MAX)
    return http.post(url, json=request.body, headers=request.headers, timeout=timeout, allow_redirects=False)


class _TooLarge(Exception):
    pass


async def _read(stream: aiohttp.StreamReader, size_max: int) -> bytes:
    body = bytearray()
    async for chunk in stream.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > size_max:
            raise _TooLarge(f"the body has more than {size_max} bytes")
    return bytes(body)


def _parsed(body: bytes, failed: Callable[[str], ModuleError]) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise failed("the body is not JSON") from error


def _facts(status: int, headers: Mapping[str, str], clean: Callable[[str], str]) -> dict[str, Any]:
    told = {name: _readable(clean(headers[name])) for name in TOLD_HEADERS if name in headers}
    facts: dict[str, Any] = {"status": status, "headers": told}
    waits = retry_after_ms(headers.get("retry-after", ""), datetime.now(UTC))
    if waits is not None:
        facts["retry_after_ms"] = waits
    return facts


def retry_after_ms(value: str, now: datetime) -> int | None:
    """Read `Retry-After`, seconds or a date (RFC 9110, 10.2.3); None where it is neither. A day at most."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), RETRY_AFTER_SECONDS_MAX) * 1000
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return int(min(max(seconds, 0), RETRY_AFTER_SECONDS_MAX) * 1000)


def _failed(code: str, facts: Mapping[str, Any], reason: str) -> ModuleError:
    return ModuleError(code, fatal=True, ctx={**facts, "reason": reason})


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _readable(text: str) -> str:
    """Text of a service without what UTF-8 has no place for."""
    return text[:TOLD_BYTES_MAX].encode("utf-8", "replace").decode()
