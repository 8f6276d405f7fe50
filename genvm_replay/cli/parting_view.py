"""Places where two executions part, as JSON and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genvm_replay.cli.output import printable, result_json, short
from genvm_replay.cli.state_view import FRAMES_SHOWN_MAX, frame_text, state_json, stretches

if TYPE_CHECKING:
    from genvm_replay.replay.bisect import Parting
    from genvm_replay.replay.fuel_clock import GuestState


def parting_json(parting: Parting) -> dict[str, Any]:
    return {
        "equal": parting.point is None,
        "clock": parting.clock,
        "fuel": parting.fuel,
        "event": parting.point if parting.clock == "events" else None,
        "fuel_between": None if parting.fuel_between is None else list(parting.fuel_between),
        "differs": list(parting.fields),
        "pages": list(parting.pages),
        "probes": parting.probes,
        "notes": list(parting.notes),
        "before": None if parting.before is None else state_json(parting.before[0]),
        "at": [state_json(state) for state in parting.at],
    }


def parting_text(parting: Parting, names: tuple[str, str]) -> str:
    notes = [f"note: {printable(note)}" for note in parting.notes]
    if parting.point is None:
        compared = ", ".join(parting.compared)
        return "\n".join([f"equal: {compared} are the same ({parting.probes} runs of both)", *notes])
    pages = f" (pages {stretches(parting.pages)})" if parting.pages else ""
    lines = [f"they part {_point(parting, parting.point)}: {', '.join(parting.fields)}{pages}"]
    if parting.fuel_between is not None:
        begin, end = parting.fuel_between
        lines.append(f"that is between fuel {begin:,} and {end:,} of the record on the fuel build")
    if parting.before is not None:
        lines.append(f"both, {_point(parting, parting.point - 1)}:")
        lines += _place(parting.before[0])
        if "memory" not in parting.compared:  # equal in what they have asked, not in where they are
            lines += ["and the second:", *_place(parting.before[1])]
    for name, state in zip(names, parting.at, strict=True):
        lines.append(f"{name}, {_point(parting, parting.point)}:")
        lines += _place(state)
    return "\n".join([*lines, f"found in {parting.probes} runs of both", *notes])


def _point(parting: Parting, point: int) -> str:
    return f"at fuel {point:,}" if parting.clock == "fuel" else f"before main[{point}]"


def _place(state: GuestState) -> list[str]:
    if state.departed:
        where = printable(state.departed_at.rstrip()).split("\n")[1:]
        return [f"  departs from the record: {printable(state.departed)}", *(f"  {line}" for line in where)]
    if state.outcome is not None:
        told = result_json(state.outcome)
        after = "" if state.fuel_used is None else f" after {state.fuel_used:,} fuel"
        return [f"  ended{after}: {told['kind']} {short(told['value'])}"]
    if not state.vms:
        return ["  in the start function, or before a VM was started"]
    vm = state.vms[-1]
    innermost = [f"  {frame_text(frame)}" for frame in vm.frames[:FRAMES_SHOWN_MAX]]
    if vm.traceback:
        return [*("  " + line for line in printable(vm.traceback.rstrip()).split("\n")[1:]), *innermost[:1]]
    return innermost
