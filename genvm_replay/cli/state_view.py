"""States of guests, as JSON and for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.diff_view import json_value, shown
from genvm_replay.cli.output import facts, hexed, printable, result_json, short, size

if TYPE_CHECKING:
    from genvm_replay.executor.fuel_clock import VmState
    from genvm_replay.executor.instance import Frame
    from genvm_replay.executor.python_runtime.look import PythonFrame
    from genvm_replay.replay.fuel_clock import GuestState
    from genvm_replay.replay.storage_view import FieldState

PAGES_SHOWN_MAX: Final = 12  # stretches of them
FRAMES_SHOWN_MAX: Final = 5
CONTRACT_FILES: Final = "/contract"


def vm_json(vm: VmState) -> dict[str, Any]:
    return {
        "depth": vm.depth,
        "contract": hexed(vm.contract),
        "image": vm.image,
        "ended": vm.ended,
        "fuel_used": vm.fuel_used,
        "memory_bytes": vm.memory_bytes,
        "memory_hash": hexed(vm.memory_hash),
        "pages_changed": list(vm.pages),
        "frames": [
            {"function": f.function, "name": f.name, "module": f.module, "offset": f.offset}
            for f in vm.frames
        ],
        "traceback": vm.traceback,
        "python": [
            {"file": one.file, "line": one.line, "function": one.function, "locals": dict(one.locals)}
            for one in vm.python
        ],
    }


def state_json(state: GuestState, fields: Sequence[FieldState] = ()) -> dict[str, Any]:
    """A state; `fields` is its storage by field of the contract."""
    return {
        "events": state.events,
        "fuel_used": state.fuel_used,
        "vms": [vm_json(vm) for vm in state.vms],
        "storage": [
            {"slot": hexed(slot), "offset": at, "bytes": hexed(data)} for slot, at, data in state.written
        ],
        "departed": state.departed or None,
        "fields": [
            {"field": one.name, "value": json_value(one.value), "written": one.written} for one in fields
        ],
        "result": None if state.outcome is None else result_json(state.outcome),
    }


def state_text(state: GuestState, event: str, fields: Sequence[FieldState] = ()) -> str:
    """A state; `event` is the request that it stands before, `fields` its storage by field of the contract."""
    lines = [f"before    {event}"] if event else []
    if state.outcome is not None:
        told = result_json(state.outcome)
        lines.append(f"the run has ended: {told['kind']} {short(told['value'])}")
    if not state.vms:
        lines.append("no VM is running here: the executor itself asks")
    for vm in state.vms:
        lines += _vm_lines(vm)
    lines += [
        printable(f"{'written' if one.written else 'read':<10}{one.name} = {shown(one.value)}")
        for one in fields
    ]
    if not fields:  # without a layout
        lines += [f"written   {hexed(slot)}:{at} {short(data)}" for slot, at, data in state.written]
    return "\n".join(lines)


def _vm_lines(vm: VmState) -> Iterator[str]:
    pages = len(vm.pages)
    rows = {
        "VM": f"{hexed(vm.contract)}, depth {vm.depth}{', ended' if vm.ended else ''}",
        "fuel": "not counted" if vm.fuel_used is None else f"{vm.fuel_used:,} used",
        "memory": f"{size(vm.memory_bytes)}, hash {hexed(vm.memory_hash)}",
        "changed": f"{pages} pages" + (f": {stretches(vm.pages)}" if pages else ""),
    }
    yield facts(rows)
    if vm.traceback:
        yield printable(vm.traceback.rstrip())
        yield from _locals_lines(vm.python)
    elif not vm.ended:
        yield from (f"  {frame_text(frame)}" for frame in vm.frames[:FRAMES_SHOWN_MAX])


def _locals_lines(frames: Sequence[PythonFrame]) -> Iterator[str]:
    """The variables of the contract's own functions; of the innermost one where none of them is the contract's."""
    own = [frame for frame in frames if frame.file.startswith(CONTRACT_FILES)] or list(frames[:1])
    for frame in own:
        yield click.style(printable(f"in {frame.function}, {frame.file}:{frame.line}"), dim=True)
        yield from (printable(f"  {name} = {text}") for name, text in frame.locals)


def frame_text(frame: Frame) -> str:
    """One WebAssembly function on a stack."""
    name = f" {printable(frame.name)}" if frame.name else ""
    module = f" of {printable(frame.module)}" if frame.module else ""
    return f"in function {frame.function}{name}{module}, at byte {frame.offset:#x} of it"


def stretches(numbers: Iterable[int]) -> str:
    """Ascending numbers as `3, 5-9`; cut where there are many."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    shown = [f"{a}-{b}" if b > a else f"{a}" for a, b in found[:PAGES_SHOWN_MAX]]
    return ", ".join(shown + (["..."] if len(found) > PAGES_SHOWN_MAX else []))
