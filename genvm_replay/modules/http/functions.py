"""The HTTP client as Lua sees it: `lib.rs.request` (spec/manager-modules.md 5.3)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import aiohttp
from yarl import URL

from ...calldata import Value
from ..errors import ModuleError
from ..lua.effects import Function
from ..lua.values import LuaValue, as_bytes, as_integer, as_map, as_number, as_text, unexpected
from ..messages import DURATION, METHODS
from ..session import Session
from .order import BODY_SIZE_MAX, TIMEOUT_S, HttpOrder, HttpReply, Sign
from .policy import public
from .signatures import Unsigned
from .signer import Signer

NAME: Final = "__dflt.request"
LUA_INTEGER_MAX: Final = 2**63


class Requester(Protocol):
    """What makes requests: an `HttpClient`, or what stands for one."""

    async def request(self, order: HttpOrder) -> HttpReply:
        """Make a request; raises ModuleError."""
        ...


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What holds where a script sets nothing, and the most that it may set."""

    body_size_max: int = BODY_SIZE_MAX
    timeout_s: float = TIMEOUT_S


def functions_for(
    client: Requester,
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

    async def request(session: Session, arguments: list[LuaValue]) -> LuaValue:
        table = as_map(arguments[-1] if arguments else None, where="request")
        sign = partial(_signed, signer, session) if table.get("sign") else None
        reply = await _recorded(client, _order(table, limits, operator_hosts, sign), session)
        return _answer(reply, as_json=bool(table.get("json")), only_ok=bool(table.get("error_on_status")))

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


def _order(
    table: dict[str, Any], limits: RequestLimits, operator_hosts: frozenset[str], sign: Sign | None
) -> HttpOrder:
    method = as_text(table.get("method"), where="request.method").upper()
    if method not in METHODS:
        raise unexpected(method, f"one of {', '.join(METHODS)}", "request.method")
    url = as_text(table.get("url"), where="request.url")
    headers = as_map(table.get("headers"), where="request.headers")
    body = table.get("body")
    size = as_integer(
        table.get("response_body_max_size", limits.body_size_max), where="request.response_body_max_size"
    )
    return HttpOrder(
        method,
        url,
        {name: as_bytes(value, where=f"request.headers.{name}") for name, value in headers.items()},
        None if body is None else as_bytes(body, where="request.body"),
        max(0, min(size, limits.body_size_max)),
        _seconds(table.get("timeout", limits.timeout_s), limits.timeout_s),
        bool(table.get("unfiltered")) or location(url) in operator_hosts,
        sign,
    )


def _seconds(value: LuaValue, most: float) -> float:
    """A time-out: seconds, or text such as 500ms or 3s."""
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        value = int(found[1]) / (1000 if found[2] == "ms" else 1)
    seconds = as_number(value, where="request.timeout")
    if seconds <= 0:
        raise unexpected(value, "a number of seconds over 0", "request.timeout")
    return min(seconds, most)


def location(url: str) -> str | None:
    """The `host:port` that a URL leads to; None where it leads nowhere."""
    try:
        read = URL(url)
        return f"{read.raw_host}:{read.port}" if read.raw_host else None
    except ValueError:
        return None


async def _recorded(client: Requester, order: HttpOrder, session: Session) -> HttpReply:
    """Make a request and write it down among the attempts: what went out and how it ended, no header and no body."""
    attempt: dict[str, Value] = {"method": order.method, "url": public(order.url)}
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


def _audit(unsigned: Unsigned | None) -> dict[str, Value]:
    if unsigned is None:
        return {}
    return {"salt": unsigned.salt, "created": unsigned.created, "signature_input": unsigned.input}


def _answer(reply: HttpReply, *, as_json: bool, only_ok: bool) -> LuaValue:
    """What the script gets. The body is parsed before the status is looked at, as deployed (section 2.4)."""
    answer: dict[str, Any] = {"status": reply.status, "headers": dict(reply.headers), "body": reply.body}
    facts = {"url": public(reply.url), **answer}
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
