"""Supposed runs and what a result hangs on, as JSON and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genvm_replay.cli.diff_view import difference_json, shown
from genvm_replay.cli.output import facts, hexed, printable, result_json, short, table
from genvm_replay.cli.sent_view import sent_json, sent_lines
from genvm_replay.cli.stderr_view import stderr_of

if TYPE_CHECKING:
    from genvm_replay.host_bridge.local_host import Outgoing
    from genvm_replay.journal.events import PostEvent
    from genvm_replay.replay.decisive import Decision, Influence
    from genvm_replay.replay.effect import Effect
    from genvm_replay.replay.what_if import WhatIf


def what_if_json(found: WhatIf, contract: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {
        "refused": found.refused or None,
        "changed": list(found.changed),
        "noticed": found.noticed,
    }
    told["recorded"] = effect_json(found.recorded, contract)
    if found.supposed is not None and found.finished is not None:
        told["supposed"] = effect_json(found.supposed, contract)
        told["storage_changes"] = [difference_json(one) for one in found.storage]
        told["stderr"] = stderr_of(found.finished.open())
    return told


def effect_json(effect: Effect, contract: bytes) -> dict[str, Any]:
    return {
        "result": _result(effect),
        "storage_hash": hexed(effect.storage_hash),
        "storage": [
            {"slot": hexed(slot), "offset": at, "bytes": hexed(data)} for slot, at, data in effect.written
        ],
        "disagreement": effect.disagreement,
        **sent_json(*_sent(effect), contract),
    }


def what_if_text(found: WhatIf, contract: bytes) -> str:
    recorded = found.recorded
    if found.supposed is None or found.finished is None:
        rows = {"recorded": _result_text(recorded), "not told": f"{found.refused}: the record has no answer"}
        return facts({name: printable(value) for name, value in rows.items()})
    supposed = found.supposed
    rows = {
        "recorded": _result_text(recorded),
        "supposed": _result_text(supposed),
        "changed": ", ".join(found.changed)
        or ("nothing" if found.noticed else "nothing: it never asked for what is otherwise"),
    }
    lines = [printable(stderr_of(found.finished.open()).rstrip()), facts(rows)]
    if "vote" in found.changed:
        lines.append(f"vote      {_vote(recorded)}; now: {_vote(supposed)}")
    lines += [
        *(
            printable(f"storage   {one.place}: recorded {shown(one.first)}, supposed {shown(one.second)}")
            for one in found.storage
        ),
    ]
    if {"messages", "events"} & set(found.changed):
        for name, effect in (("recorded", recorded), ("supposed", supposed)):
            lines += [f"{name} {line}" for line in sent_lines(*_sent(effect), contract)] or [
                f"{name} -> nothing"
            ]
    return "\n".join(line for line in lines if line)


def _sent(effect: Effect) -> tuple[tuple[Outgoing, ...], tuple[PostEvent, ...]]:
    """What stands: nothing of a run that failed."""
    return (effect.sent, effect.emitted) if effect.kind == "return" else ((), ())


def _result(effect: Effect) -> dict[str, Any]:
    from genvm_replay.executor.outcome import Outcome

    return result_json(Outcome(kind=effect.kind, payload=effect.payload))


def _result_text(effect: Effect) -> str:
    told = _result(effect)
    return printable(f"{told['kind']} {short(told['value'])}")


def _vote(effect: Effect) -> str:
    return "agrees" if effect.disagreement is None else f"disagrees with block {effect.disagreement}"


def influence_json(row: Influence) -> dict[str, Any]:
    supposed = row.outcome.supposed
    return {
        "call_no": row.call_no,
        "replaced_by": row.replaced_by,
        "decisive": row.decisive,
        "changed": list(row.outcome.changed),
        "result": None if supposed is None else _result(supposed),
        "refused": row.outcome.refused or None,
    }


def decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "smallest": list(decision.smallest),
        "replaced_by": decision.replaced_by or None,
        "complete": decision.complete,
        "table": [influence_json(row) for row in decision.table],
    }


def decision_text(decision: Decision) -> str:
    if not decision.table:
        return "the run has no nondeterministic answers"
    rows = []
    for row in decision.table:
        supposed = row.outcome.supposed
        result = f"not told: {row.outcome.refused}" if supposed is None else _result_text(supposed)
        changed = ", ".join(row.outcome.changed) or "-"
        rows.append([str(row.call_no), row.replaced_by, "yes" if row.decisive else "no", changed, result])
    lines = [table(("block", "replaced by", "decisive", "changes", "result"), rows)]
    if decision.smallest:
        numbers = ", ".join(map(str, decision.smallest))
        lines.append(f"the result hangs on block {numbers}: {decision.replaced_by} flips it")
    else:
        lines.append("no set of answers was found that flips the result")
    if not decision.complete:
        lines.append("there are more sets than are tried; larger ones were left out")
    return "\n".join(lines)
