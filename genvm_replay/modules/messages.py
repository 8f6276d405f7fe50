"""What an executor says to a module, read from calldata (spec/manager-modules.md 1.1, 1.2). No socket here.

A variant with fields is a map with one key, its name; a variant without is its bare name. Fields that are not known
are ignored in a hello, whose shape grew from version to version, and refused in a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from .. import calldata
from ..calldata import CalldataError, Value
from ..errors import PeerProtocolError
from ..host_bridge.modules import ASKS

GEN_MAX: Final = 2**53 - 1  # exact in a double
METHODS: Final = ("GET", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH", "PUT")
MODES: Final = ("text", "html", "screenshot")
FORMATS: Final = ("text", "json")
TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "EqComparative": ("leader_answer", "validator_answer", "principle"),
    "EqNonComparativeLeader": ("task", "criteria", "input"),
    "EqNonComparativeValidator": ("task", "criteria", "input", "output"),
}
DURATION: Final = re.compile(r"([0-9]{1,15})(ms|s)")


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a connection.

    Attributes:
        name: of the run: `genvm_id`, or `cookie` where an older executor sends that.
        host_data: `node_address`, `tx_id`, and whatever else the node adds.
        fields: the whole map as it came, for scripts.
        attempts: the executor wants the attempts behind each answer.
        keep_raw: it wants what the providers answered, as it came.
    """

    name: str
    host_data: Mapping[str, Any]
    fields: Mapping[str, Any] = field(repr=False)
    attempts: bool = False
    keep_raw: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """Ask a model."""

    prompt: str
    response_format: Literal["text", "json"]
    images: tuple[bytes, ...]
    remaining_gen: int


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """Ask a model by one of the templates, a key of TEMPLATES, with its variables."""

    template: str
    variables: Mapping[str, str]
    remaining_gen: int


@dataclass(frozen=True, slots=True)
class Render:
    """Open a page in a browser."""

    mode: Literal["text", "html", "screenshot"]
    url: str
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Request:
    """Make an HTTP request."""

    method: str
    url: str
    headers: Mapping[str, bytes]
    body: bytes | None
    sign: bool


@dataclass(frozen=True, slots=True)
class GetStats:
    """Tell what this connection has cost."""


Message: TypeAlias = Prompt | PromptTemplate | Render | Request | GetStats


def read_hello(frame: bytes) -> Hello:
    """Read the first frame.

    Raises:
        PeerProtocolError: it names no run, or has not `host_data` with `node_address` and `tx_id`.
    """
    got = _decode(frame)
    host_data = got.get("host_data") if isinstance(got, Mapping) else None
    if not isinstance(got, Mapping) or not isinstance(host_data, Mapping):
        raise PeerProtocolError("hello: a map with host_data is wanted")
    for key in ("node_address", "tx_id"):
        if not isinstance(host_data.get(key), str):
            raise PeerProtocolError(f"hello: host_data.{key} is not a string")
    name = got.get("genvm_id", got.get("cookie"))
    if not isinstance(name, (int, str)) or isinstance(name, bool):
        raise PeerProtocolError("hello: neither genvm_id nor cookie names the run")
    asks = host_data.get(ASKS)
    asks = asks if isinstance(asks, Mapping) else {}
    return Hello(str(name), host_data, dict(got), asks.get("attempts") is True, asks.get("keep_raw") is True)


def read_message(frame: bytes) -> Message:
    """Read any later frame.

    Raises:
        PeerProtocolError: not a message of the protocol; the text says which field is off.
    """
    got = _decode(frame)
    if got == "GetStats":
        return GetStats()
    if not isinstance(got, Mapping) or len(got) != 1:
        raise PeerProtocolError("a message is one name, or a map with one name as its key")
    [(name, fields)] = got.items()
    if name not in READERS:
        raise PeerProtocolError(f"no message has the name {name!r}")
    if not isinstance(fields, Mapping):
        raise PeerProtocolError(f"{name}: a map is wanted")
    return READERS[name](_Fields(name, dict(fields)))


class _Fields:
    """The fields of one message, taken one by one."""

    def __init__(self, path: str, fields: dict[str, Any]) -> None:
        self._path = path
        self._fields = fields

    def take(self, name: str, kind: type, default: Any = ...) -> Any:
        """Take one field; a missing one is the default, or refused without one."""
        value = self._fields.pop(name, default)
        if value is not default and (
            not isinstance(value, kind) or (kind is int and isinstance(value, bool))
        ):
            raise PeerProtocolError(f"{self._path}.{name}: {kind.__name__} is wanted")
        if value is ...:
            raise PeerProtocolError(f"{self._path}.{name} is missing")
        return value

    def word(self, name: str, words: tuple[str, ...], default: Any = ...) -> Any:
        """Take one of some words."""
        value = self.take(name, str, default)
        if value not in words:
            raise PeerProtocolError(f"{self._path}.{name}: {value!r} is none of {', '.join(words)}")
        return value

    def inner(self, name: str) -> _Fields:
        """Take a map."""
        return _Fields(f"{self._path}.{name}", dict(self.take(name, Mapping)))

    def all_of(self, name: str, kind: type) -> list[Any]:
        """Take a list whose items have one kind."""
        items = list(self.take(name, list, []))
        if not all(isinstance(item, kind) for item in items):
            raise PeerProtocolError(f"{self._path}.{name}: a list of {kind.__name__} is wanted")
        return items

    def end(self) -> None:
        """Refuse what is left over."""
        if self._fields:
            raise PeerProtocolError(f"{self._path}: no field has the name {next(iter(self._fields))!r}")


def _prompt(fields: _Fields) -> Prompt:
    gen = _gen(fields)
    payload = fields.inner("payload")
    fields.end()
    message = Prompt(
        payload.take("prompt", str),
        payload.word("response_format", FORMATS, "text"),
        tuple(payload.all_of("images", bytes)),
        gen,
    )
    payload.end()
    return message


def _prompt_template(fields: _Fields) -> PromptTemplate:
    gen = _gen(fields)
    payload = fields.inner("payload")
    fields.end()
    template = payload.word("template", tuple(TEMPLATES))
    variables = {name: payload.take(name, str) for name in TEMPLATES[template]}
    payload.end()
    return PromptTemplate(template, variables, gen)


def _gen(fields: _Fields) -> int:
    gen: int = fields.take("remaining_fuel_as_gen", int)
    if not 0 <= gen <= GEN_MAX:
        raise PeerProtocolError(f"remaining_fuel_as_gen: {gen} is not in 0 ... 2^53 - 1")
    return gen


def _render(fields: _Fields) -> Render:
    text = fields.take("wait_after_loaded", str, None) or "0ms"
    duration = DURATION.fullmatch(text)
    if duration is None:
        raise PeerProtocolError(f"Render.wait_after_loaded: {text!r} is not digits with s or ms behind them")
    wait_ms = int(duration[1]) * (1000 if duration[2] == "s" else 1)
    message = Render(fields.word("mode", MODES), fields.take("url", str), wait_ms)
    fields.end()
    return message


def _request(fields: _Fields) -> Request:
    headers = dict(fields.take("headers", Mapping, {}))
    for name, value in headers.items():
        if not isinstance(value, bytes):
            raise PeerProtocolError(f"Request.headers.{name}: bytes is wanted")
    message = Request(
        fields.word("method", METHODS),
        fields.take("url", str),
        headers,
        fields.take("body", bytes, None),
        fields.take("sign", bool, False),
    )
    fields.end()
    return message


READERS: Final[dict[str, Callable[[_Fields], Message]]] = {
    "Prompt": _prompt,
    "PromptTemplate": _prompt_template,
    "Render": _render,
    "Request": _request,
}


def _decode(frame: bytes) -> Value:
    try:
        return calldata.decode(frame)
    except CalldataError as error:
        raise PeerProtocolError(f"not calldata: {error}") from error
