"""What an endpoint is: a function whose signature says what it takes and gives, and its line of the API document.

A handler names its parts: `path`, `query` and `headers` are msgspec structures of what the request says there, `body`
is one for JSON or `bytes` as they come, `request` is the request itself, for what streams. Its result is a structure,
told as JSON, or a response. So a request is read, and described, by the same declaration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, get_type_hints

import msgspec
from aiohttp import web

from ..errors import UsageError
from .parts import MANAGER, Manager
from .refusals import TooLate, UnsupportedMedia

JSON: Final = "application/json"
BINARY: Final = "application/octet-stream"
NO_JSON: Final = ("multipart/", "image/", "audio/", "video/", "application/xml", "text/html", "text/xml")
BODY_SECONDS_MAX: Final = 60.0  # for a body to arrive
HandlerType = TypeVar("HandlerType", bound=Callable[..., Awaitable[Any]])
Media = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    Attributes:
        parts: name of a part of the request -> its type, from the handler's signature.
        takes: content type -> structure or JSON schema, for a body that the signature does not describe.
        gives: content type -> structure or JSON schema, for an answer that the signature does not describe.
        example: of the body.
        refuses: statuses that it can answer with, beside those that any can.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    parts: Mapping[str, Any]
    result: Any
    takes: Media = field(default_factory=dict)
    gives: Media = field(default_factory=dict)
    example: Any = None
    refuses: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Names it in the document and in metrics."""
        return self.handler.__name__

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Read the request, do the work, answer."""
        given = {name: await self._part(name, kind, request) for name, kind in self.parts.items()}
        made = await self.handler(request.app[MANAGER], **given)
        return made if isinstance(made, web.StreamResponse) else answer(made)

    async def _part(self, name: str, kind: Any, request: web.Request) -> Any:
        if name == "request":
            return request
        if name == "body":
            return await read_bytes(request) if kind is bytes else await read_json(request, kind)
        return READERS[name](request, kind)


def operation(
    method: str,
    path: str,
    *,
    takes: Media | None = None,
    gives: Media | None = None,
    example: Any = None,
    refuses: tuple[int, ...] = (),
) -> Callable[[HandlerType], Operation]:
    """Make an operation of a handler. Its docstring is its description."""

    def make(handler: HandlerType) -> Operation:
        hints = get_type_hints(handler, include_extras=True)
        result = hints.pop("return")
        hints = {name: kind for name, kind in hints.items() if kind is not Manager}
        return Operation(
            method=method,
            path=path,
            handler=handler,
            parts=hints,
            result=result,
            takes=takes or {},
            gives=gives or {},
            example=example,
            refuses=refuses,
        )

    return make


def answer(value: object) -> web.Response:
    """A value as a JSON answer."""
    return web.Response(body=msgspec.json.encode(value), content_type=JSON)


async def read_json(request: web.Request, kind: Any) -> Any:
    """The body as a structure. The content type is looked at only to refuse what can't be JSON: old clients send any.

    Raises:
        UsageError: no JSON, or of another shape. UnsupportedMedia: a form or a page.
    """
    if request.content_type.startswith(NO_JSON):
        raise UnsupportedMedia(f"{request.content_type}: send JSON")
    raw = await read_bytes(request)
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as first:
        told = str(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"body: {error}") from error
    try:
        return msgspec.convert(whole_numbers(msgspec.json.decode(raw)), kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"body: {told}") from error


def whole_numbers(value: Any) -> Any:
    """JSON in which 2.0 is written 2: JSON has one kind of number, and both are integers (JSON Schema, 6.1.1)."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: whole_numbers(one) for name, one in value.items()}
    return [whole_numbers(one) for one in value] if isinstance(value, list) else value


async def read_bytes(request: web.Request) -> bytes:
    """The body as it is.

    Raises:
        web.HTTPRequestEntityTooLarge: more than the service takes. TooLate: it did not arrive in time.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await request.read()
    except TimeoutError as error:
        raise TooLate(f"the body did not arrive within {BODY_SECONDS_MAX:.0f} s") from error


def _read_path(request: web.Request, kind: Any) -> Any:
    return _convert("path", dict(request.match_info), kind)


def _read_query(request: web.Request, kind: Any) -> Any:
    twice = [name for name in request.query if len(request.query.getall(name)) > 1]
    if twice:
        raise UsageError(f"query: {twice[0]!r} is given twice")
    return _convert("query", dict(request.query), kind)


def _read_headers(request: web.Request, kind: Any) -> Any:
    names = [one.encode_name for one in msgspec.structs.fields(kind)]
    twice = [name for name in names if len(request.headers.getall(name, [])) > 1]
    if twice:
        raise UsageError(f"headers: {twice[0]} is given twice")
    return _convert(
        "headers", {name: request.headers[name] for name in names if name in request.headers}, kind
    )


def _convert(part: str, words: dict[str, str], kind: Any) -> Any:
    """The structure of a part; words are read as numbers where those are wanted."""
    try:
        return msgspec.convert(words, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{part}: {error}") from error


READERS: Final[Mapping[str, Callable[[web.Request, Any], Any]]] = {
    "path": _read_path,
    "query": _read_query,
    "headers": _read_headers,
}
