"""A run goes on behind the first difference as if nobody had looked, and is stopped if it does not end."""

from __future__ import annotations

import msgspec
import pytest

from genvm_replay.journal.events import Answer, Event, StorageRead, WriteStream
from genvm_replay.replay.going_along import go_along
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER
from .mutations import Parts, parts_of, put_together, swapped_in

WAITING = (
    HEADER
    + """
class Waiting(gl.Contract):
    ready: u32

    def __init__(self):
        self.ready = u32(7)

    @gl.public.write
    def wait(self) -> int:
        print("waiting")
        while self.ready != 7:
            if self.ready == 8:
                print("x" * 1_000_000)
        return sum(number * number for number in range(2000))
"""
)


def recorded(node: LocalNode, bench: Workbench, **options: int) -> Parts:
    address = node.deploy(WAITING.encode()).address
    done = node.call(address, "wait", options=CallOptions(**options))
    return parts_of(bench.store.load_run(done.run_id))


@pytest.mark.parametrize("options", [{}, {"fuel": 10**9}], ids=["epoch", "fuel"])
def test_the_guest_does_not_notice_that_it_was_asked_for_its_traceback(node, bench, options):
    """Result, storage, all of the memory, and on the fuel build the fuel, are what they are in an identical run."""
    parts = recorded(node, bench, **options)
    plain = go_along(put_together(parts), bench)
    assert plain.found is None
    seq = next(at for _, at in parts.places(WriteStream))
    event = parts.lines["main"][seq]
    other = msgspec.structs.replace(event.request, data=b"WAITING\n")
    trip = go_along(put_together(swapped_in(parts, "main", seq, Event(other, event.answer))), bench)
    assert trip.found is not None
    assert (trip.found.seq, trip.found.vm) == (seq, "the main VM")
    assert 'File "/contract.py", line 13 in wait' in trip.found.traceback
    assert trip.footer == plain.footer == parts.footer


@pytest.mark.parametrize(
    ("ready", "why"),
    [(0, "did not end within 0.1 seconds"), (8, "does not stop asking: 64 MiB are kept of it")],
)
def test_a_run_that_does_not_end_behind_the_difference_is_stopped(node, bench, ready, why):
    """Its end is not known; what differed first is. Nor does what it asks fill the memory."""
    parts = recorded(node, bench)
    seven = (7).to_bytes(4, "little")
    for line, seq in parts.places(StorageRead):
        event = parts.lines[line][seq]
        if event.answer.value == seven:
            other = Answer(0, ready.to_bytes(4, "little"))
            parts = swapped_in(parts, line, seq, Event(event.request, other))
    trip = go_along(put_together(parts), bench, deadline_s=0.1 if ready == 0 else 30)
    assert trip.found is not None
    assert trip.footer is None
    assert trip.unknown == f"behind the difference the run {why}"
