"""Differences of two runs as JSON and for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.output import hexed, plain, printable, short

if TYPE_CHECKING:
    from genvm_replay.replay.compare import Comparison, Difference

TITLES: Final = {
    "input": "what they were given",
    "result": "result",
    "storage": "storage",
    "messages": "messages and events",
    "vms": "VMs, one by one",
    "answers": "nondeterministic answers",
    "fingerprints": "fingerprints",
    "stream": "events",
}
BYTES_SHOWN: Final = 32
DIFFERENCES_SHOWN_MAX: Final = 24  # of a level


def difference_json(found: Difference) -> dict[str, Any]:
    """A difference; bytes as hex."""
    return {
        "level": found.level,
        "place": found.place,
        "first": json_value(found.first),
        "second": json_value(found.second),
        "text_diff": list(found.text),
    }


def json_value(value: object) -> Any:
    """Any value of a run as JSON: calldata in the form of `arguments`, bytes alone as hex."""
    if isinstance(value, bytes):
        return hexed(value)
    from genvm_replay.calldata.jsonform import to_json

    try:
        told = to_json(value)  # type: ignore[arg-type]
        json.dumps(told)
    except (TypeError, ValueError, RecursionError):
        return plain(value)
    return told


def difference_text(found: Comparison) -> Iterator[str]:
    """A block a level, then what is bookkeeping."""
    for level, title in TITLES.items():
        here = [one for one in found.differences if one.level == level]
        if here:
            yield click.style(title, bold=True)
        shown_max = len(here) if level == "stream" else DIFFERENCES_SHOWN_MAX
        for one in here[:shown_max]:
            yield from _lines(one)
        if here[shown_max:]:
            yield f"  and {len(here) - shown_max} more; --json has them all"
    if found.same:
        yield "the same"
    if found.bookkeeping:
        yield click.style("apart: " + ", ".join(printable(one.place) for one in found.bookkeeping), dim=True)


def _lines(one: Difference) -> Iterator[str]:
    yield f"  {printable(one.place)}"
    if one.text:
        yield from (f"    {printable(line)}" for line in one.text)
        return
    yield f"    first   {_indented(shown(one.first))}"
    yield f"    second  {_indented(shown(one.second))}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n            ")


def shown(value: object) -> str:
    """A value on one line; of long bytes the beginning."""
    if isinstance(value, bytes) and len(value) > BYTES_SHOWN:
        return f"{hexed(value[:BYTES_SHOWN])}... ({len(value)} bytes)"
    return hexed(value) if isinstance(value, bytes) else short(json_value(value))
