"""What people and programs read: values as JSON, values in short, tables. Guest bytes never reach a terminal raw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from genvm_replay.errors import Mismatch
    from genvm_replay.executor.outcome import Outcome

WHOLE_BYTES_MAX: Final = 20  # a byte string up to this size, an address for one, is shown to people as it is
SHORT_BYTES: Final = 12  # shown of a longer one
COMPARED_BYTES: Final = 32  # shown of each of two that differ
SHORT_CHARS: Final = 200  # shown of anything else
TX_DIGITS: Final = 12  # of a transaction id in tables; `0x` and these find it again
STREAMS: Final = {1: "stdout", 2: "stderr"}


def emit(value: object) -> None:
    """Print one JSON object on a line of its own."""
    click.echo(json.dumps(value))


def hexed(data: bytes | bytearray) -> str:
    """`0x` and hex digits."""
    return f"0x{data.hex()}"


def plain(value: object) -> Any:
    """A value of a journal as JSON: bytes as hex text, structures as lists."""
    if isinstance(value, bytes | bytearray):
        return hexed(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def short(value: object, chars: int = SHORT_CHARS) -> str:
    """A value of a journal for people: one line, cut where it is long."""
    if isinstance(value, bytes) and len(value) > WHOLE_BYTES_MAX:
        return f"{hexed(value[:SHORT_BYTES])}... ({len(value)} bytes)"
    text = printable(value if isinstance(value, str) else json.dumps(plain(value)).strip('"'))
    return text if len(text) <= chars else f"{text[:chars]}... ({len(text)} characters)"


def printable(text: str) -> str:
    """Text with every control character but newline and tab written out, so that it can't steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def size(count: int) -> str:
    """A number of bytes for people."""
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"


def result_json(outcome: Outcome) -> dict[str, Any]:
    """How a run ended: `kind`, and `value`: the returned calldata as JSON, else the message."""
    if outcome.kind != "return":
        return {"kind": outcome.kind, "value": outcome.payload.decode(errors="replace")}
    return {"kind": outcome.kind, "value": calldata_json(outcome.payload)}


def calldata_json(raw: bytes) -> Any:
    """Calldata as JSON; `{"$calldata": hex}` for bytes that are none, and what JSON can't hold."""
    from genvm_replay.calldata import CalldataError, decode
    from genvm_replay.calldata.jsonform import to_json

    try:
        value = to_json(decode(raw))
        json.dumps(value)
    except (CalldataError, ValueError, RecursionError):  # an integer too long to print, nesting too deep
        value = {"$calldata": raw.hex()}
    return value


def divergence_json(found: Mismatch) -> dict[str, Any]:
    """The place and both values of a difference."""
    return {
        "line": found.line,
        "seq": found.seq,
        "field": found.field,
        "expected": plain(found.expected),
        "actual": plain(found.actual),
    }


def divergence_text(found: Mismatch) -> str:
    """The same as a small block for people."""
    at = found.line if found.seq is None else f"{found.line}[{found.seq}]"
    rows = {"at": printable(f"{at}, {found.field}")}
    expected, actual = found.expected, found.actual
    if isinstance(expected, bytes) and isinstance(actual, bytes):
        pairs = enumerate(zip(expected, actual, strict=False))
        same = next((at for at, (a, b) in pairs if a != b), min(len(expected), len(actual)))
        begin = same if max(len(expected), len(actual)) > COMPARED_BYTES else 0
        if begin:
            rows["from byte"] = str(begin)
        rows["recorded"], rows["now"] = (_part(value, begin) for value in (expected, actual))
    else:
        rows["recorded"], rows["now"] = short(expected), short(actual)
    return "\n".join(f"    {line}" for line in facts(rows).split("\n"))


def _part(value: bytes, begin: int) -> str:
    rest = value[begin:]
    return hexed(rest[:COMPARED_BYTES]) + (f"... ({len(rest)} bytes)" if len(rest) > COMPARED_BYTES else "")


def facts(rows: Mapping[str, str]) -> str:
    """Names and values below each other."""
    width = max(map(len, rows)) + 2
    return "\n".join(f"{click.style(name.ljust(width), dim=True)}{value}" for name, value in rows.items())


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without borders; columns of numbers to the right. Lines are as long as they are."""
    cells = [[printable(cell).replace("\n", " ") for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [
        all(cell.replace(",", "").isdigit() for cell in column[1:]) for column in zip(*cells, strict=True)
    ]
    lines = []
    for row in cells:
        parts = zip(row, widths, numeric, strict=True)
        lines.append(
            "  ".join(cell.rjust(w) if right else cell.ljust(w) for cell, w, right in parts).rstrip()
        )
    return "\n".join([click.style(lines[0], dim=True), *lines[1:]])
