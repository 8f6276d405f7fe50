"""The HTTP client as Lua sees it: `lib.rs.request` (spec/manager-modules.md 5.3)."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import aiohttp
from yarl import URL

from ...calldata import Value
from ..errors import ModuleError
from ..messages import DURATION, METHODS
from ..session import Session
from .client import BODY_SIZE_MAX, TIMEOUT_S, HttpClient, HttpOrder, HttpReply
from .signatures import Unsigned
from .signer import Signer

Function: TypeAlias = Callable[[Any, list[Any]], Awaitable[Any]]
NAME: Final = "__dflt.request"
LUA_INTEGER_MAX: Final = 2**63


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What holds where a script sets nothing, and the most that it may set."""

    body_size_max: int = BODY_SIZE_MAX
    timeout_s: float = TIMEOUT_S


def functions_for(
    client: HttpClient,
    signer: Signer,
    *,
    limits: RequestLimits | None = None,
    operator_hosts: frozenset[str] = frozenset(),
) -> dict[str, Function]:
    """The functions to give to a Lua pool whose sessions are owned by a `Session`.

    Args:
        operator_hosts: `host:port` of services that the configuration names: always reachable.
    """
    limits = limits or RequestLimits()

    async def request(session: Session, arguments: list[Any]) -> dict[str, Any]:
        options = _Options(arguments[-1] if arguments else None)
        sign = partial(_signed, signer, session) if options.flag("sign") else None
        order = _order(options, limits, operator_hosts, sign)
        reply = await _recorded(client, order, session)
        return _answer(reply, as_json=options.flag("json"), only_ok=options.flag("error_on_status"))

    return {NAME: request}


async def _signed(
    signer: Signer,
    session: Session,
    http: aiohttp.ClientSession,
    method: str,
    url: URL,
    headers: Mapping[str, bytes],
    body: bytes | None,
) -> tuple[dict[str, bytes], Unsigned]:
    return await signer.sign(http, session.hello, method, url, headers, body)


class _Options:
    """The table that a script gave."""

    def __init__(self, table: Any, path: str = "request") -> None:
        self._path = path
        if not isinstance(table, Mapping):
            raise ModuleError("SENDING_REQUEST", fatal=True, ctx={"error": f"{path}: a table is wanted"})
        self._table = table

    def refuse(self, name: str, wanted: str) -> ModuleError:
        return ModuleError(
            "SENDING_REQUEST", fatal=True, ctx={"error": f"{self._path}.{name}: {wanted} is wanted"}
        )

    def flag(self, name: str) -> bool:
        return bool(self._table.get(name, False))

    def data(self, name: str) -> bytes | None:
        value = self._table.get(name)
        if value is not None and not isinstance(value, (str, bytes)):
            raise self.refuse(name, "a string")
        return value.encode() if isinstance(value, str) else value

    def text(self, name: str) -> str:
        value = self.data(name)
        if value is None:
            raise self.refuse(name, "a string")
        return value.decode("utf-8", "replace")

    def headers(self) -> dict[str, bytes]:
        table = self._table.get("headers") or {}
        inner = _Options(table, f"{self._path}.headers")
        return {str(name): inner.data(name) or b"" for name in table}

    def size(self, name: str, most: int) -> int:
        value = self._table.get(name, most)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise self.refuse(name, "a number of bytes")
        return int(min(value, most))

    def seconds(self, name: str, most: float) -> float:
        value = self._table.get(name, most)
        found = DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is not None:
            value = int(found[1]) / (1000 if found[2] == "ms" else 1)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise self.refuse(name, "a number of seconds, or text such as 500ms or 3s")
        return float(min(value, most))


def _order(options: _Options, limits: RequestLimits, operator_hosts: frozenset[str], sign: Any) -> HttpOrder:
    method, url = options.text("method").upper(), options.text("url")
    if method not in METHODS:
        raise options.refuse("method", f"one of {', '.join(METHODS)}")
    return HttpOrder(
        method,
        url,
        options.headers(),
        options.data("body"),
        options.size("response_body_max_size", limits.body_size_max),
        options.seconds("timeout", limits.timeout_s),
        options.flag("unfiltered") or location(url) in operator_hosts,
        sign,
    )


def location(url: str) -> str | None:
    """The `host:port` that a URL leads to; None where it leads nowhere."""
    try:
        read = URL(url)
        return f"{read.raw_host}:{read.port}" if read.raw_host else None
    except ValueError:
        return None


async def _recorded(client: HttpClient, order: HttpOrder, session: Session) -> HttpReply:
    """Make a request and write it down among the attempts: what went out and how it ended, no header and no body."""
    attempt: dict[str, Value] = {"method": order.method, "url": _public(order.url)}
    session.attempts.append(attempt)
    started = time.monotonic_ns()
    try:
        reply = await client.request(order)
        attempt |= {"status": reply.status, "size": len(reply.body), **_audit(reply.unsigned)}
        return reply
    except ModuleError as error:
        attempt["error"] = ": ".join(error.causes)
        raise
    finally:
        attempt["duration_us"] = (time.monotonic_ns() - started) // 1000


def _public(url: str) -> str:
    try:
        return str(URL(url).with_user(None))
    except ValueError:
        return url


def _audit(unsigned: Unsigned | None) -> dict[str, Value]:
    if unsigned is None:
        return {}
    return {"salt": unsigned.salt, "created": unsigned.created, "signature_input": unsigned.input}


def _answer(reply: HttpReply, *, as_json: bool, only_ok: bool) -> dict[str, Any]:
    """What the script gets. The body is parsed before the status is looked at, as deployed (section 2.4)."""
    answer: dict[str, Any] = {"status": reply.status, "headers": dict(reply.headers), "body": reply.body}
    facts = {"url": _public(reply.url), **answer}
    if as_json:
        try:
            answer["body"] = read_json(reply.body)
        except ValueError as error:
            raise ModuleError("READING_BODY", "DESERIALIZING", fatal=True, ctx=facts) from error
    if only_ok and reply.status != 200:
        raise ModuleError("STATUS_NOT_OK", fatal=True, ctx=facts)
    return answer


def read_json(body: bytes) -> Any:
    """Read JSON. Whole numbers that Lua has none for become floats.

    Raises:
        ValueError: not JSON (RFC 8259), or nested too deep.
    """
    try:
        return json.loads(body.decode("utf-8-sig"), parse_int=_number, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _number(digits: str) -> int | float:
    number = int(digits)
    return number if -LUA_INTEGER_MAX <= number < LUA_INTEGER_MAX else float(digits)


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
