"""The web, for use inside nondeterministic blocks (sdk.md section 6.2)."""

import dataclasses
import json
import re
import typing
from collections.abc import Mapping

from genlayer.gl._internal.answers import ask_module
from genlayer.gl._internal.lazy_api import lazy_api
from genlayer.gl.nondet.image import Image
from genlayer.py.types import Lazy

__all__ = ("Response", "delete", "get", "head", "patch", "post", "render", "request")

Body: typing.TypeAlias = str | bytes | dict[str, typing.Any] | list[typing.Any] | None
Headers: typing.TypeAlias = Mapping[str, str | bytes]
Method: typing.TypeAlias = typing.Literal["GET", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH"]
Mode: typing.TypeAlias = typing.Literal["text", "html", "screenshot"]

_NO_HEADERS: typing.Final[Headers] = {}
_MODES: typing.Final = typing.get_args(Mode)
_METHODS: typing.Final = typing.get_args(Method)
_WAIT: typing.Final = re.compile(r"\d{1,18}(s|ms)", re.ASCII)
_INSTEAD: typing.Final = {
    "text": "`.body.decode()`",
    "content": "`.body`",
    "json": "`json.loads(response.body)`",
    "ok": "`.status < 400`",
}


@dataclasses.dataclass
class Response:
    """What a server answered. Any status is an answer: check it.

    Attributes:
        status: 200 for success.
        headers: by lower-case name.
        body: None where there is none.
    """

    status: int
    headers: dict[str, bytes]
    body: bytes | None

    @property
    def status_code(self) -> int:
        """Another name of `status`."""
        return self.status

    if not typing.TYPE_CHECKING:

        def __getattr__(self, name):
            hint = f": use {_INSTEAD[name]}" if name in _INSTEAD else ""
            raise AttributeError(f"a Response has no attribute {name!r}{hint}", name=name, obj=self)


@lazy_api
def get(url: str, *, headers: Headers = _NO_HEADERS) -> Lazy[Response]:
    """Fetch what is at a URL."""
    return request.lazy(url, method="GET", headers=headers)


@lazy_api
def post(url: str, *, body: Body = None, headers: Headers = _NO_HEADERS) -> Lazy[Response]:
    """Send something to a URL."""
    return request.lazy(url, method="POST", body=body, headers=headers)


@lazy_api
def delete(url: str, *, body: Body = None, headers: Headers = _NO_HEADERS) -> Lazy[Response]:
    """Delete what is at a URL."""
    return request.lazy(url, method="DELETE", body=body, headers=headers)


@lazy_api
def head(url: str, *, body: Body = None, headers: Headers = _NO_HEADERS) -> Lazy[Response]:
    """Ask for status and headers only."""
    return request.lazy(url, method="HEAD", body=body, headers=headers)


@lazy_api
def patch(url: str, *, body: Body = None, headers: Headers = _NO_HEADERS) -> Lazy[Response]:
    """Change what is at a URL."""
    return request.lazy(url, method="PATCH", body=body, headers=headers)


@lazy_api
def request(
    url: str, *, method: Method = "GET", body: Body = None, headers: Headers = _NO_HEADERS
) -> Lazy[Response]:
    """Make an HTTP request.

    Args:
        url: with `http://` or `https://`.
        method: in capital letters.
        body: text is sent as UTF-8, a dict or list as JSON.
        headers: text is sent as UTF-8.

    Raises:
        NondetException: the server could not be reached, or the host does not allow the URL.
    """
    _check_url(url)
    _check_word("method", method, _METHODS)
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers are a dict, not {type(headers).__name__}")
    sent = {
        "url": url,
        "method": method,
        "body": _body_bytes(body),
        "headers": {name: _header_bytes(name, value) for name, value in headers.items()},
    }
    return ask_module({"WebRequest": sent}, lambda answer: Response(**answer["response"]))


@lazy_api
def render(url: str, *, mode: Mode = "text", wait_after_loaded: str | None = None) -> Lazy[typing.Any]:
    """Open a page in a browser.

    Args:
        url: with `http://` or `https://`.
        mode: what of the page: its `text`, its `html`, a `screenshot`.
        wait_after_loaded: for scripts of the page: `500ms`, `2s`.

    Returns:
        str, or an Image for `screenshot`.

    Raises:
        NondetException: the page could not be loaded, or the host does not allow the URL.
    """
    _check_url(url)
    _check_word("mode", mode, _MODES)
    wait = "0ms" if wait_after_loaded is None else wait_after_loaded
    if not isinstance(wait, str) or not _WAIT.fullmatch(wait):
        raise ValueError(f"wait_after_loaded is a time such as '500ms' or '2s', not {wait!r:.60}")
    sent = {"url": url, "mode": mode, "wait_after_loaded": wait}
    return ask_module({"WebRender": sent}, _screenshot if mode == "screenshot" else _page)


def _screenshot(answer: dict[str, bytes]) -> Image:
    return Image(answer["image"])


def _page(answer: dict[str, str]) -> str:
    return answer["text"]


def _check_url(url: object) -> None:
    if not isinstance(url, str):
        raise TypeError(f"a URL is text, not {type(url).__name__} {url!r:.60}")


def _check_word(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is one of {', '.join(allowed)}; not {value!r:.60}")


def _body_bytes(body: object) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    if isinstance(body, dict | list):
        body = json.dumps(body)
    if not isinstance(body, str):
        raise TypeError(f"a body is text, bytes, or a dict or list for JSON; not {type(body).__name__}")
    return body.encode()


def _header_bytes(name: object, value: object) -> bytes:
    if not isinstance(name, str) or not isinstance(value, str | bytes):
        raise TypeError(f"headers are text by name, not {name!r:.40}: {value!r:.60}")
    return value.encode() if isinstance(value, str) else value
