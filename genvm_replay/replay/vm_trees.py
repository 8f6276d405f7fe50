"""The VMs of two runs side by side, and the bytes of memory in which they differ.

A record does not say which VM asked for what, nor what memory held: it is run again, on the fuel build, which also
counts what each VM took. Where memories differ, both runs are run once more for the pages that do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..calldata import Address
from ..errors import EnvironmentProblem, JournalError, Mismatch
from ..executor.effects import Replaying
from ..executor.engine import Build
from ..executor.fingerprint import PAGE
from ..executor.instance import PAGE_SIZE
from ..executor.vm_watch import VmNote, VmWatch, Way
from ..journal.stored import StoredRun
from .compare import ABSENT, Difference, values
from .reexecute import check_runners
from .run_facts import decoded
from .workbench import Workbench

PAGES_MAX: Final = 256  # of 4096 bytes, of one VM, that are compared byte by byte
RANGES_MAX: Final = 16  # of one page of 64 KiB that are told
GAP_MAX: Final = 8  # equal bytes between two that differ, within one range
VMS_COMPARED_MAX: Final = 16  # of which the memory is looked into


@dataclass(frozen=True, slots=True)
class VmTree:
    """The VMs of one run, in the order in which they came to their ends.

    Attributes:
        reason: why they are not known; `` if they are.
    """

    notes: tuple[VmNote, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trees:
    """The VMs of two runs.

    Attributes:
        first: the way to the VM that came to its end first of those that differ; None: none differs, or not known.
    """

    both: tuple[VmTree, VmTree]
    differences: tuple[Difference, ...] = ()
    first: Way | None = None
    memory: tuple[Difference, ...] = field(default_factory=tuple)

    @property
    def reason(self) -> str:
        """Why the VMs are not known; `` if they are."""
        return next((tree.reason for tree in self.both if tree.reason), "")


def vm_tree(run: StoredRun, bench: Workbench, keep: Mapping[Way, set[int]] | None = None) -> VmTree:
    """Run a record again and note its VMs.

    Args:
        keep: pages whose contents are wanted, by VM.
    """
    if run.footer.interrupted:
        return VmTree(reason=f"{name_of(run)} was stopped from outside: where its VMs were is chance")
    watch = VmWatch(keep=keep)
    try:
        check_runners(run.footer.runners, bench.registry(debug_mode=True))
        bench.execute(run.header, Replaying(run.read_line), Build.FUEL, image=run.footer.image, watch=watch)
    except (Mismatch, JournalError, EnvironmentProblem) as problem:
        return VmTree(reason=f"{name_of(run)} can't be run again here: {problem}")
    return VmTree(ordered(watch))


def name_of(run: StoredRun) -> str:
    """A run for people."""
    return f"run {run.summary.id}" if run.summary else f"0x{run.header.tx.hex()}"


def ordered(watch: VmWatch) -> tuple[VmNote, ...]:
    """All VMs in the order of their ends, those of the background by their numbers."""
    return tuple(
        sorted(
            watch.notes, key=lambda one: (one.background, one.way if one.background else (), one.order or 0)
        )
    )


def together(first: VmTree, second: VmTree) -> list[Way]:
    """The VMs of both, in the order of the first; what only the second has comes before the VM that started it."""
    ways = [note.way for note in first.notes]
    known = set(ways)
    for note in second.notes:
        if note.way not in known:
            known.add(note.way)
            around = note.way[:-1]
            ways.insert(ways.index(around) if around in known else len(ways), note.way)
    return ways


def compare_vms(first: StoredRun, second: StoredRun, benches: tuple[Workbench, Workbench]) -> Trees:
    """Run both again, and compare their VMs; where memories differ, byte by byte."""
    runs = first, second
    both = vm_tree(first, benches[0]), vm_tree(second, benches[1])
    if any(tree.reason for tree in both):
        return Trees(both)
    sides = [{note.way: note for note in tree.notes} for tree in both]
    found: list[Difference] = []
    ways = together(*both)
    first_way: Way | None = None
    for way in ways:
        told = list(difference_of(*(side.get(way) for side in sides)))
        found += told
        if told and first_way is None:
            first_way = way
    wanted = {way: pages for way in ways if (pages := _pages_to_compare(*(side.get(way) for side in sides)))}
    wanted = dict(list(wanted.items())[:VMS_COMPARED_MAX])
    memory: list[Difference] = []
    if wanted:
        again = [vm_tree(run, bench, wanted) for run, bench in zip(runs, benches, strict=True)]
        kept = [{note.way: note.kept for note in tree.notes} for tree in again]
        for way, pages in wanted.items():
            memory += memory_differences(way, kept[0].get(way, {}), kept[1].get(way, {}), pages)
    return Trees(both, tuple(found), first_way, tuple(memory))


def difference_of(first: VmNote | None, second: VmNote | None) -> Iterator[Difference]:
    """What differs between two VMs at the same place of the tree."""
    there = first or second
    assert there is not None
    place = path_of(there.way)
    if first is None or second is None:
        one, other = (ABSENT if note is None else title_of(note) for note in (first, second))
        yield Difference("vms", place, one, other)
        return
    if first.kind != second.kind:
        return  # the same block of a leader and of a validator: other functions, by their roles
    yield from values("vms", vm_facts(first), vm_facts(second), place)


def vm_facts(note: VmNote) -> dict[str, Any]:
    """A VM as it is compared and told."""
    outcome = note.outcome
    told: dict[str, Any] = {"kind": note.kind, "contract": Address(note.contract).checksummed}
    if note.kind in ("main", "view"):
        told["call"] = decoded(note.entry)
    if outcome is not None:
        returned = outcome.kind == "return"
        value = decoded(outcome.payload) if returned else outcome.payload.decode(errors="replace")
        told["result"] = {"kind": outcome.kind, "value": value}
        if not returned:
            told["fingerprint"] = outcome.fingerprint
    return told | {"fuel": note.fuel_used, "memory_hash": note.memory_hash}


def path_of(way: Way) -> str:
    """The way to a VM in words: `main`, `main/0`, `main/block 2/0`."""
    return "/".join(["main", *(str(n) if kind == "call" else f"block {n}" for kind, n in way)])


def title_of(note: VmNote) -> str:
    """What a VM is for."""
    if note.kind in ("block", "validator"):
        return f"{'leader' if note.kind == 'block' else 'validator'} of block {note.way[-1][1]}"
    if note.kind == "sandbox":
        return "sandbox"
    call = decoded(note.entry)
    method = call.get("method") if isinstance(call, Mapping) else None
    called = f" {method}" if isinstance(method, str) else ""
    return f"{note.kind}{called} of {Address(note.contract).checksummed}"


def _pages_to_compare(first: VmNote | None, second: VmNote | None) -> set[int]:
    if (
        first is None
        or second is None
        or (first.kind, first.memory_hash)
        == (
            second.kind,
            second.memory_hash,
        )
    ):
        return set()
    one, other = first.pages, second.pages
    numbers = sorted(number for number in {*one, *other} if one.get(number) != other.get(number))
    return set(numbers[:PAGES_MAX])


def memory_differences(
    way: Way, first: Mapping[int, bytes], second: Mapping[int, bytes], pages: set[int]
) -> Iterator[Difference]:
    """Where the bytes of a VM's memory differ, by page of 64 KiB: ranges of guest addresses with both contents.

    Args:
        first, second: contents of pages of 4096 bytes by number, shorter where a memory ends. pages: those to compare.
    """
    counts: dict[int, int] = {}
    for number in sorted(pages):
        one, other = first.get(number, b""), second.get(number, b"")
        for begin, end in ranges_that_differ(one, other):
            page = (number * PAGE + begin) // PAGE_SIZE
            counts[page] = counts.get(page, 0) + 1
            if counts[page] <= RANGES_MAX:
                place = f"{path_of(way)}: page {page}, bytes {number * PAGE + begin:#x} to {number * PAGE + end - 1:#x}"
                yield Difference("fingerprints", place, one[begin:end], other[begin:end])
    for page, count in counts.items():
        if count > RANGES_MAX:
            place = f"{path_of(way)}: page {page}, further ranges"
            yield Difference("fingerprints", place, count - RANGES_MAX, count - RANGES_MAX)


def ranges_that_differ(first: bytes, second: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of the stretches in which two contents differ; a few equal bytes do not part them."""
    size = max(len(first), len(second))
    begin = end = -1
    for at in range(size):
        if first[at : at + 1] == second[at : at + 1]:
            continue
        if begin >= 0 and at - end > GAP_MAX:
            yield begin, end
            begin = at
        begin, end = (at if begin < 0 else begin), at + 1
    if begin >= 0:
        yield begin, end
