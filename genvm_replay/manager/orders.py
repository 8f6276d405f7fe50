"""One run as it is asked for: read from the JSON form and from the calldata form (spec/manager-modules.md 6.4).

Both forms have the same fields. Where calldata carries bytes, JSON carries base64; the host data may be a map or the
text of a JSON object in both. Fields that nothing here depends on (fees, buckets, storage_pages for our own executor)
are let pass, so that clients of every release are served; a field that is known and malformed is refused by its name.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .. import calldata
from ..errors import UsageError
from ..executor.moment import format_datetime, parse_datetime
from ..host_bridge.transport import parse_uri
from ..replay.node_message import host_data_of, message_of, read_permissions

ORDER_BYTES_MAX: Final = 64 << 20
MAJOR_MAX: Final = 0xFFFF
DEADLINE_DEFAULT_S: Final = 20 * 60.0
DEADLINE_MAX_S: Final = 24 * 3600.0
EXTRA_ARGS_MAX: Final = 64
EXTRA_ARG_CHARS_MAX: Final = 4096
KEY_CHARS_MAX: Final = 200
LEADER_RESULTS_MAX: Final = 4096  # blocks of one run
PERMISSIONS: Final = "rwscn"
STORAGE_PAGES_MAX: Final = 2**64 - 1


@dataclass(frozen=True)
class RunOrder:
    """One run.

    Attributes:
        message: in its JSON form (spec/executor.md 1.5): addresses in base64, the chain id in a text.
        deadline_s: seconds from its start, above 0, at most DEADLINE_MAX_S.
        host_data: JSON values; `node_address` and `tx_id` are texts.
        timestamp: RFC 3339; chooses the executor's version.
        host: where the executor finds the node: `unix://PATH` or HOST:PORT.
        extra_args: of the executor's command line; those that `tasks.read_arguments` knows.
        calldata: what the host would answer; None: the executor asks it.
        code: of a deployment, to be stored first; None: the host has stored it.
        idempotency_key: equal keys of runs that are known mean the same run.
        leader_nondet_results: of the nondeterministic blocks in their order, code byte first; None: the host is asked.
        storage_pages: passed on to executors that want it; ours has no such limit.
    """

    major: int
    message: Mapping[str, Any]
    host_data: Mapping[str, Any]
    host: str
    timestamp: str
    is_sync: bool = False
    capture_output: bool = False
    deadline_s: float = DEADLINE_DEFAULT_S
    extra_args: tuple[str, ...] = ()
    calldata: bytes | None = field(default=None, repr=False)
    code: bytes | None = field(default=None, repr=False)
    idempotency_key: str | None = None
    permissions: str = PERMISSIONS
    debug_mode: bool = False
    leader_nondet_results: tuple[bytes, ...] | None = field(default=None, repr=False)
    storage_pages: int | None = None

    @property
    def permits(self) -> int:
        """How many permits it takes (spec/manager-modules.md 6.5)."""
        return 1 if self.is_sync else 2


def read_order(body: bytes) -> RunOrder:
    """Read a request's body: JSON where it starts with `{`, else calldata.

    Raises:
        UsageError: neither, or a field is missing or malformed; the text names the field.
    """
    if len(body) > ORDER_BYTES_MAX:
        raise UsageError(f"the body has more than {ORDER_BYTES_MAX >> 20} MiB")
    fields = _json_object(body) if body.lstrip()[:1] == b"{" else _calldata_map(body)
    return order_of(fields)


def order_of(fields: Mapping[str, Any]) -> RunOrder:
    """Read the fields of either form.

    Raises:
        UsageError: a field is missing or malformed; the text names it.
    """
    message = _message(_required(fields, "message"))
    read = {name: reader(key, fields[key]) for key, name, reader in READERS if fields.get(key) is not None}
    for name in ("major", "host"):
        _required(fields, name)
    read.setdefault("timestamp", message["datetime"])
    host_data = _host_data("host_data", _required(fields, "host_data"))
    return RunOrder(message=message, host_data=host_data, **read)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_read_number)
        if b"\\u" in body:
            _refuse_half_characters(value)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the body is no JSON: {error}") from error
    assert isinstance(value, dict)
    return value


def _refuse_half_characters(value: object) -> None:
    """Half of a surrogate pair is no character: neither a database nor a command line takes it (RFC 8259, 8.2).

    Raises:
        ValueError: a text has one.
    """
    json.dumps(value, ensure_ascii=False).encode()


def _read_number(text: str) -> float:
    """JSON has one kind of number: 2.0 is an integer too."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _calldata_map(body: bytes) -> Mapping[str, Any]:
    try:
        value = calldata.decode(body)
    except (calldata.CalldataError, RecursionError) as error:
        raise UsageError(f"the body is neither a JSON object nor calldata: {error}") from error
    if not isinstance(value, Mapping):
        raise UsageError("the body is no map of calldata")
    return value


def _required(fields: Mapping[str, Any], name: str) -> Any:
    value = fields.get(name)
    if value is None:
        raise UsageError(f"{name} is missing")
    return value


def _message(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError("message is not an object")
    plain = {name: _plain_address(found) for name, found in value.items()}
    if isinstance(plain.get("chain_id"), int) and not isinstance(plain["chain_id"], bool):
        plain["chain_id"] = str(plain["chain_id"])
    read = message_of(plain, "message")
    names = ("contract_address", "sender_address", "origin_address")
    addresses = {name: base64.b64encode(getattr(read, name)).decode() for name in names}
    rest = {name: getattr(read, name) for name in ("chain_id", "value", "is_init", "datetime")}
    return addresses | rest


def _plain_address(value: object) -> object:
    raw = value.raw if isinstance(value, calldata.Address) else value
    return base64.b64encode(raw).decode() if isinstance(raw, bytes) else raw


def _host_data(name: str, value: object) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
            _refuse_half_characters(value)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{name} is no JSON: {error}") from error
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} is not an object")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{name}: holds what JSON has not: {error}") from error
    return host_data_of(plain, name)


def _number(low: int, high: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UsageError(f"{name} is not a number from {low} to {high}")
        return value

    return read


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name} is not true or false")
    return value


def _seconds(unit_s: float) -> Callable[[str, object], float]:
    def read(name: str, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise UsageError(f"{name} is not a number above 0")
        return DEADLINE_MAX_S if value >= DEADLINE_MAX_S / unit_s else value * unit_s

    return read


def _host(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name} is not a text")
    try:
        parse_uri(value)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    return value


def _timestamp(name: str, value: object) -> str:
    try:
        return format_datetime(parse_datetime(value if isinstance(value, str) else repr(value)))
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def _extra_args(name: str, value: object) -> tuple[str, ...]:
    words = tuple(value) if isinstance(value, list | tuple) else (None,)
    fit = all(
        isinstance(word, str) and len(word) <= EXTRA_ARG_CHARS_MAX and "\0" not in word for word in words
    )
    if not fit or len(words) > EXTRA_ARGS_MAX:
        raise UsageError(f"{name} is not a list of at most {EXTRA_ARGS_MAX} texts")
    return words


def _bytes(name: str, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)  # type: ignore[arg-type]
    except (TypeError, ValueError, binascii.Error) as error:
        raise UsageError(f"{name} is not bytes (base64 in JSON)") from error


def _key(name: str, value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= KEY_CHARS_MAX or "\0" in text:
        raise UsageError(f"{name} is not a text of 1 to {KEY_CHARS_MAX} characters")
    return text


def _permissions(name: str, value: object) -> str:
    return read_permissions(value if isinstance(value, str) else repr(value), name)


def _leader_results(name: str, value: object) -> tuple[bytes, ...]:
    if isinstance(value, Mapping):
        if sorted(value) != sorted(map(str, range(len(value)))):
            raise UsageError(f"{name}: its keys are not the numbers of all blocks from 0 on")
        value = [value[str(number)] for number in range(len(value))]
    if not isinstance(value, list | tuple) or len(value) > LEADER_RESULTS_MAX:
        raise UsageError(f"{name} is not a list of at most {LEADER_RESULTS_MAX} results")
    return tuple(_bytes(f"{name}[{number}]", result) for number, result in enumerate(value))


Reader = Callable[[str, object], Any]
READERS: Final[tuple[tuple[str, str, Reader], ...]] = (
    ("major", "major", _number(0, MAJOR_MAX)),
    ("host", "host", _host),
    ("timestamp", "timestamp", _timestamp),
    ("is_sync", "is_sync", _flag),
    ("capture_output", "capture_output", _flag),
    ("max_execution_minutes", "deadline_s", _seconds(60.0)),
    ("deadline", "deadline_s", _seconds(1.0)),  # the more exact one counts
    ("extra_args", "extra_args", _extra_args),
    ("calldata", "calldata", _bytes),
    ("code", "code", _bytes),
    ("host_genvm_id", "idempotency_key", _key),
    ("permissions", "permissions", _permissions),
    ("debug_mode", "debug_mode", _flag),
    ("leader_nondet_results", "leader_nondet_results", _leader_results),
    ("storage_pages", "storage_pages", _number(0, STORAGE_PAGES_MAX)),
)
"""A field of the body, the attribute of a RunOrder, and what reads it. Absent and null mean the default."""
