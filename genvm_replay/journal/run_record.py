"""The header and footer of a run as bytes, and a locator that says which of their fields was changed.

Like the tags of a segment, the locator is an Adler-32 for each field: the root says whether something was
changed, the locator what. Fields are compared in their plain form, so that one that no longer has its type
can still be named.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, TypeVar, get_type_hints

import msgspec

from genvm_replay import __version__
from genvm_replay.errors import JournalError, UnknownEvent
from genvm_replay.journal.record import encode_struct
from genvm_replay.journal.run import NamedRunHeader, RunFooter, RunHeader
from genvm_replay.journal.segment import tags_of

_Facts = TypeVar("_Facts", RunHeader, RunFooter)

_HEADERS: Final[dict[str, type[RunHeader]]] = {"run_header/1": RunHeader, "run_header/2": NamedRunHeader}
_HEADER: Final[msgspec.msgpack.Decoder[RunHeader]] = msgspec.msgpack.Decoder(RunHeader | NamedRunHeader)
_FOOTER: Final = msgspec.msgpack.Decoder(RunFooter)
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def decode_header(data: bytes) -> RunHeader:
    """Read a header.

    Raises:
        UnknownEvent: written by a newer release.
        JournalError: malformed, or not in canonical form.
    """
    return _decode(data, _HEADER, *_HEADERS)


def decode_footer(data: bytes) -> RunFooter:
    """Read a footer; raises as `decode_header` does."""
    return _decode(data, _FOOTER, "run_footer/1")


def header_fields(data: bytes) -> list[tuple[str, object]]:
    """All fields of a header, named with dots, in plain form; JournalError if it has another shape."""
    return _plain_fields(data, _HEADERS.get(_kind_of(data) or "", RunHeader))


def footer_fields(data: bytes) -> list[tuple[str, object]]:
    """As `header_fields`, for a footer."""
    return _plain_fields(data, RunFooter)


def field_tags(fields: list[tuple[str, object]]) -> bytes:
    """Adler-32 of each field."""
    return tags_of([msgspec.msgpack.encode(value) for _, value in fields])


def _decode(data: bytes, decoder: msgspec.msgpack.Decoder[_Facts], *kinds: str) -> _Facts:
    try:
        facts = decoder.decode(data)
    except _UNREADABLE as error:
        found = _kind_of(data)
        if found not in (None, *kinds):
            raise UnknownEvent(str(found), f"{__version__}, which reads {' and '.join(kinds)}") from error
        raise JournalError(f"malformed {found or kinds[0]}: {error}") from error
    if encode_struct(facts) != data:
        raise JournalError(f"malformed {kinds[0]}: not in canonical form")
    return facts


def _kind_of(data: bytes) -> str | None:
    try:
        plain = msgspec.msgpack.decode(data)
    except _UNREADABLE:
        return None
    match plain:
        case [str(kind), *_]:
            return kind
    return None


def _plain_fields(data: bytes, facts: type[msgspec.Struct]) -> list[tuple[str, object]]:
    try:
        kind, *values = msgspec.msgpack.decode(data)
        return [("kind", kind), *_named(values, facts, "")]
    except (*_UNREADABLE, TypeError) as error:
        raise JournalError(f"malformed {facts.__name__}: {error}") from error


def _named(values: object, facts: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, object]]:
    members = _members(facts)
    if not isinstance(values, list) or len(values) != len(members):
        raise ValueError(f"{prefix or facts.__name__} does not have {len(members)} fields")
    for (name, nested), value in zip(members, values, strict=True):
        if nested is None:
            yield prefix + name, value
        else:
            yield from _named(value, nested, f"{prefix}{name}.")


@cache
def _members(facts: type[msgspec.Struct]) -> tuple[tuple[str, type[msgspec.Struct] | None], ...]:
    """Name of each field, and its class where it is a struct itself."""
    hints = get_type_hints(facts)
    return tuple(
        (name, hint if isinstance(hint := hints[name], type) and issubclass(hint, msgspec.Struct) else None)
        for name in facts.__struct_fields__
    )
