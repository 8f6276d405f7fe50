"""What a what-if supposes, as it is typed: answers, storage by field or slot, balances."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.executor.effects.supposing import Changes

ANSWER_BYTES_MAX: Final = 16 << 20
SLOT_BYTES: Final = 32
SLOT_KEY: Final = re.compile(r"(0x)?[0-9a-fA-F]{32,}(:\d+)?=")
SLOT_END: Final = 1 << 32
KINDS: Final = {"return": 0, "user_error": 1, "vm_error": 2}
ANSWER_FORM: Final = 'one of {"return": VALUE}, {"user_error": "TEXT"}, {"vm_error": "TEXT"}'


def fields_of(storage: Iterable[str]) -> tuple[Mapping[str, Any], list[str]]:
    """What --storage says of fields by name, and what it says of slots.

    Raises:
        UsageError: two parts are missing, a field is given twice, or a value is no JSON.
    """
    from genvm_replay.replay.field_values import PATH

    fields: dict[str, Any] = {}
    slots = []
    for text in storage:
        name = PATH.match(text)
        if SLOT_KEY.match(text) or name is None or text[name.end() : name.end() + 1] != "=":
            slots.append(text)
        elif name[0] in fields:
            raise UsageError(f"--storage {name[0]} is given twice")
        else:
            fields[name[0]] = field_value(name[0], text[name.end() + 1 :])
    return fields, slots


def field_value(name: str, text: str) -> Any:
    """A value as it is typed: JSON with `$address` and `$bytes`; fractions are fields' values too."""
    from genvm_replay.calldata.jsonform import from_json

    try:
        return from_json(json.loads(text))
    except (UsageError, ValueError, RecursionError) as error:
        raise UsageError(f"--storage {name}: {text[:80]!r} is no JSON value: {str(error)[:200]}") from error


def read_changes(answers: Iterable[str], storage: Iterable[str], balances: Iterable[str]) -> Changes:
    """What --answer, --storage (of slots) and --balance say.

    Raises:
        UsageError: one of them makes no sense.
    """
    from genvm_replay.calldata import Address
    from genvm_replay.executor.effects.supposing import Changes

    return Changes(
        results={
            _number("--answer", key): read_answer(Path(file))
            for key, file in _pairs("--answer", answers).items()
        },
        storage=tuple(_stretch(key, text) for key, text in _pairs("--storage", storage).items()),
        balances={
            Address.parse(key).raw: _number("--balance", text)
            for key, text in _pairs("--balance", balances).items()
        },
    )


def _pairs(option: str, texts: Iterable[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UsageError(f"{option} {text!r}: two parts with = between them are wanted")
        if key in found:
            raise UsageError(f"{option} {key} is given twice")
        found[key] = value
    return found


def _number(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 78):
        raise UsageError(f"{option}: {text[:80]!r} is no number")
    return int(text)


def _stretch(key: str, text: str) -> tuple[bytes, int, bytes]:
    slot_text, _, offset_text = key.partition(":")
    slot, data = _bytes(slot_text), _bytes(text)
    offset = _number("--storage", offset_text) if offset_text else 0
    if len(slot) != SLOT_BYTES:
        raise UsageError(f"--storage {key}: a slot has {2 * SLOT_BYTES} hex digits, not {2 * len(slot)}")
    if not data or offset + len(data) > SLOT_END:
        raise UsageError(f"--storage {key}: 1 byte or more are wanted, and none behind 2**32")
    return slot, offset, data


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise UsageError(f"--storage: {text[:80]!r} are no hex digits") from error


def read_answer(path: Path) -> bytes:
    """The result of a nondeterministic block from a file: code byte and data (spec/executor.md 2.1).

    Raises:
        UsageError: it can't be read, is larger than ANSWER_BYTES_MAX, or has another form.
    """
    from genvm_replay import calldata
    from genvm_replay.calldata.jsonform import from_json_text

    try:
        with path.open("rb") as file:
            text = file.read(ANSWER_BYTES_MAX + 1).decode()
    except OSError as error:
        raise UsageError(f"can't read the answer {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text, so no JSON") from error
    if len(text) > ANSWER_BYTES_MAX:
        raise UsageError(f"{path} is larger than {ANSWER_BYTES_MAX >> 20} MiB")
    try:
        value = from_json_text(text)
        [(kind, content)] = value.items() if isinstance(value, Mapping) else [("", None)]
        if kind == "return":
            return bytes((KINDS[kind],)) + calldata.encode(content)
        if kind in KINDS and isinstance(content, str):
            return bytes((KINDS[kind],)) + content.encode()
    except (UsageError, ValueError, RecursionError, calldata.CalldataError) as error:
        raise UsageError(f"{path}: not {ANSWER_FORM}: {str(error)[:200]}") from error
    raise UsageError(f"{path}: not {ANSWER_FORM}: {json.dumps(text[:80])}")
