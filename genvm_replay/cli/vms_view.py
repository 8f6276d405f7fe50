"""The VMs of runs, as JSON and for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.diff_view import json_value, shown
from genvm_replay.cli.output import hexed, printable, short, table

if TYPE_CHECKING:
    from genvm_replay.executor.vm_watch import VmNote
    from genvm_replay.replay.compare import Difference
    from genvm_replay.replay.vm_trees import Trees

VMS_SHOWN_MAX: Final = 40
RANGES_SHOWN_MAX: Final = 12
RESULT_CHARS: Final = 40
COLUMNS: Final = ("VM", "what", "first: result", "fuel", "second: result", "fuel", "")


def vm_note_json(note: VmNote) -> dict[str, Any]:
    """One VM with everything that is known of it."""
    from genvm_replay.replay.vm_trees import path_of, title_of, vm_facts

    facts = vm_facts(note)
    fingerprint, digest = facts.pop("fingerprint", None), facts.pop("memory_hash")
    told = {"vm": path_of(note.way), "what": title_of(note)}
    told |= {name: json_value(value) for name, value in facts.items()}
    return told | {
        "call_no": note.way[-1][1] if note.kind in ("block", "validator") else None,
        "fingerprint": None if fingerprint is None else json_value(fingerprint),
        "memory_hash": None if digest is None else hexed(digest),
        "memory_bytes": note.memory_bytes,
        "pages_changed": len(note.pages),
        "traceback": note.traceback,
    }


def trees_json(trees: Trees) -> dict[str, Any]:
    """The VMs of two runs; `first_that_differs` came to its end before all others that do."""
    from genvm_replay.replay.vm_trees import path_of

    return {
        "unknown": trees.reason or None,
        "first_that_differs": None if trees.first is None else path_of(trees.first),
        "first": [vm_note_json(note) for note in trees.both[0].notes],
        "second": [vm_note_json(note) for note in trees.both[1].notes],
    }


def trees_text(trees: Trees) -> Iterator[str]:
    """A table, a VM a line, in the order of their ends; then the bytes of memory in which they differ."""
    from genvm_replay.replay.vm_trees import path_of, title_of, together

    yield click.style("VMs", bold=True)
    if trees.reason:
        yield printable(f"  not known: {trees.reason}")
        return
    sides = [{note.way: note for note in tree.notes} for tree in trees.both]
    rows = []
    for way in together(*trees.both)[:VMS_SHOWN_MAX]:
        one, other = (side.get(way) for side in sides)
        there = one or other
        assert there is not None
        mark = "<- differs first" if way == trees.first else ""
        rows.append([path_of(way), title_of(there), *_end(one), *_end(other), mark])
    yield from (f"  {line}" for line in table(COLUMNS, rows).split("\n"))
    left = len(sides[0].keys() | sides[1].keys()) - VMS_SHOWN_MAX
    if left > 0:
        yield f"  and {left} more"
    if trees.memory:
        yield click.style("memory, by pages of 64 KiB", bold=True)
        yield from memory_lines(trees.memory[:RANGES_SHOWN_MAX])
    if trees.memory[RANGES_SHOWN_MAX:]:
        yield f"  and {len(trees.memory) - RANGES_SHOWN_MAX} more ranges; --json has them all"


def memory_lines(ranges: Iterable[Difference]) -> Iterator[str]:
    """Ranges of bytes that differ, a line each."""
    for one in ranges:
        yield f"  {one.place}: first {shown(one.first)}, second {shown(one.second)}"


def vms_text(notes: Iterable[VmNote]) -> list[str]:
    """The VMs of one run, a line each."""
    from genvm_replay.replay.vm_trees import path_of, title_of

    lines = [f"{path_of(note.way)}: {title_of(note)}: {_end(note)[0]}" for note in notes]
    return lines[:VMS_SHOWN_MAX] + (
        [f"and {len(lines) - VMS_SHOWN_MAX} more"] if lines[VMS_SHOWN_MAX:] else []
    )


def _end(note: VmNote | None) -> tuple[str, str]:
    """How it ended, and what it took."""
    from genvm_replay.replay.vm_trees import vm_facts

    if note is None:
        return "-", "-"
    result = vm_facts(note).get("result")
    ended = "no end" if result is None else f"{result['kind']} {shown(result['value'])}"
    return short(ended, RESULT_CHARS), "-" if note.fuel_used is None else f"{note.fuel_used:,}"
