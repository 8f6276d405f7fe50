"""The edits of a `DynArray` that move many items (sdk.md section 2.5)."""

import typing

from genlayer.py.storage.descriptor import run_actions

if typing.TYPE_CHECKING:
    from genlayer.py.storage.vec import DynArray


def _move(array: "DynArray[typing.Any]", to: int, source: int) -> None:
    item = array._gl_desc.item
    child = array._child()
    run_actions(item.actions, child, to * item.size, child, source * item.size)


def shift_up(array: "DynArray[typing.Any]", start: int, count: int, by: int) -> None:
    """Move the items from `start` to `count` up, the last one first."""
    for position in range(count - 1, start - 1, -1):
        _move(array, position + by, position)


def delete_slice(array: "DynArray[typing.Any]", index: slice) -> None:
    """Close the gaps, then shorten."""
    count = len(array)
    gone = range(*index.indices(count))
    if not gone:
        return
    to = min(gone[0], gone[-1])
    for position in range(to, count):
        if position not in gone:
            _move(array, to, position)
            to += 1
    array._gl_slot.write_u32(array._gl_off, to)


def assign_slice(array: "DynArray[typing.Any]", index: slice, values: list[typing.Any]) -> None:
    """Overwrite, then remove the surplus or make room for the rest, as a list does."""
    count = len(array)
    positions = range(*index.indices(count))
    item = array._gl_desc.item
    child = array._child()
    if positions.step != 1:
        if len(values) != len(positions):
            raise ValueError(
                f"{len(values)} values for {len(positions)} positions: such a slice cannot resize"
            )
        for position, value in zip(positions, values, strict=True):
            item.set(child, position * item.size, value)
        return
    start = positions.start
    stop = max(start, positions.stop)
    common = min(stop - start, len(values))
    for position, value in enumerate(values[:common], start):
        item.set(child, position * item.size, value)
    if common < stop - start:
        delete_slice(array, slice(start + common, stop))
    elif common < len(values):
        added = len(values) - common
        shift_up(array, stop, count, added)
        for position, value in enumerate(values[common:], stop):
            item.set(child, position * item.size, value)
        array._gl_slot.write_u32(array._gl_off, count + added)
