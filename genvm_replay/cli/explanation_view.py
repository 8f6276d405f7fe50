"""Why a re-execution differs, as JSON and for people: where, what it changed, the class of cause, the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from genvm_replay.cli.diff_view import difference_json, shown
from genvm_replay.cli.output import facts, plain, printable
from genvm_replay.cli.vms_view import vm_note_json, vms_text

if TYPE_CHECKING:
    from genvm_replay.replay.examine import Explanation

CHANGES_SHOWN_MAX: Final = 12


def explanation_json(told: Explanation) -> dict[str, Any]:
    """All that is known of a difference; `first` is recorded, `second` is now."""
    cause = told.cause
    return {
        "cause": {
            "kind": cause.kind,
            "title": cause.title,
            "proved": cause.proved,
            "evidence": list(cause.evidence),
        },
        "vm": told.vm,
        "contract_line": told.contract_line,
        "traceback": told.traceback,
        "vms": [vm_note_json(note) for note in told.vms],
        "changes": [difference_json(one) for one in told.changes],
        "unknown_end": told.unknown_end,
        "contradictions": [
            {
                "line": one.line,
                "seq": one.seq,
                "field": one.field,
                "expected": plain(one.expected),
                "actual": plain(one.actual),
                "why": one.why,
            }
            for one in told.findings
        ],
    }


def explanation_text(told: Explanation) -> str:
    """The same as an indented block."""
    rows = {
        "in": ", ".join(part for part in (told.vm, told.contract_line) if part),
        "cause": cause_text(told),
    }
    lines = facts({name: printable(value) for name, value in rows.items() if value}).split("\n")
    lines += [f"  {printable(one)}" for one in told.cause.evidence]
    if len(told.vms) > 1:
        lines += ["VMs now", *(f"  {printable(one)}" for one in vms_text(told.vms))]
    changes = changes_of(told)
    if changes:
        lines += ["in the end", *(f"  {printable(one)}" for one in changes[:CHANGES_SHOWN_MAX])]
    if len(changes) > CHANGES_SHOWN_MAX:
        lines.append(f"  and {len(changes) - CHANGES_SHOWN_MAX} more")
    return "\n".join(f"    {line}" for line in lines)


def cause_text(told: Explanation) -> str:
    """The class of cause, and whether it is proved."""
    return f"{told.cause.title} ({'proved' if told.cause.proved else 'likely'})"


def changes_of(told: Explanation) -> list[str]:
    """What is other in the end, a line each."""
    if told.unknown_end:
        return [f"not known: {told.unknown_end}"]
    return [f"{one.place}: recorded {shown(one.first)}, now {shown(one.second)}" for one in told.changes]
