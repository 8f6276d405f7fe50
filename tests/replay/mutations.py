"""Seeded mutations of recorded runs, kind by kind, with what a report of each has to name.

Every hash is made to fit the change, so only a re-execution can find it. Used by the tests of this folder and by
tools/compare_temporal.py, so that what is published is what is tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import msgspec

from genvm_replay import calldata
from genvm_replay.executor.storage_slots import CODE_SLOT, LOCKED_SLOT
from genvm_replay.journal.events import (
    Answer,
    ConsumeResult,
    Event,
    GetBalance,
    GetCalldata,
    ModuleCall,
    PostEvent,
    PostMessage,
    ReadClock,
    ReadRandom,
    Request,
    StorageRead,
    StorageWrite,
    TraceMessage,
)
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.run import RunFooter, RunHeader
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.examine import Explanation

SEED: Final = 20260102
MAIN: Final = "main"
HEADER, FOOTER = "header", "footer"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of, to be changed and put together again."""

    header: RunHeader
    lines: Mapping[str, tuple[Event, ...]]
    footer: RunFooter

    def with_line(self, name: str, events: list[Event]) -> Parts:
        """The same with other events on a line."""
        return replace(self, lines={**self.lines, name: tuple(events)})

    def places(self, *kinds: type[Request]) -> list[tuple[str, int]]:
        """Line and index of every event; of these kinds, if any are named."""
        return [
            (name, seq)
            for name, events in self.lines.items()
            for seq, event in enumerate(events)
            if not kinds or isinstance(event.request, kinds)
        ]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a record.

    Attributes:
        kind: a key of KINDS.
        seq: where a report has to point to; None: a part that is no event.
        causes: the classes of cause that are right.
        field: what the first difference is in; `` where any is right.
    """

    kind: str
    parts: Parts
    line: str
    seq: int | None
    causes: tuple[str, ...]
    field: str = ""

    @property
    def place(self) -> str:
        """`line[seq]`, or the name of the part."""
        return self.line if self.seq is None else f"{self.line}[{self.seq}]"


def parts_of(run: StoredRun) -> Parts:
    """Take a recorded run apart."""
    return Parts(run.header, {line.name: tuple(run.read_line(line.name)) for line in run.lines()}, run.footer)


def put_together(parts: Parts) -> StoredRun:
    """A run with these contents whose hashes all fit."""
    recorder = RunRecorder(parts.header)
    for name, events in parts.lines.items():
        line = recorder.line(name)
        for event in events:
            line.append(event.request, event.answer)
    return recorder.finish(parts.footer).open()


def changed(value: object) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value + "x"
        case bytes():
            return bytes((value[0] ^ 1,)) + value[1:] if value else b"\x01"
        case tuple():
            return (changed(value[0]), *value[1:]) if value else (1,)
        case None:
            return 1
        case _:
            raise TypeError(type(value))


def swapped_in(parts: Parts, line: str, seq: int, *by: Event) -> Parts:
    """With other events in the place of one."""
    events = parts.lines[line]
    return parts.with_line(line, [*events[:seq], *by, *events[seq + 1 :]])


def field_changed(parts: Parts, line: str, seq: int, name: str) -> Parts:
    """With another value of one field of a request."""
    event = parts.lines[line][seq]
    request = msgspec.structs.replace(event.request, **{name: changed(getattr(event.request, name))})
    return swapped_in(parts, line, seq, Event(request, event.answer))


def _fields(kind: str, parts: Parts, places: list[tuple[str, int]]) -> Iterator[Mutation]:
    for line, seq in places:
        for name in parts.lines[line][seq].request.__struct_fields__:
            yield Mutation(kind, field_changed(parts, line, seq, name), line, seq, ("tampered",), name)


def arguments(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Another value in a field of a request."""
    seeds = list(_fields("argument", parts, parts.places()))
    yield from random.sample(seeds, min(6, len(seeds)))


ANSWERED_BY: Final[dict[type[Request], str]] = {
    StorageRead: "host",
    GetBalance: "host",
    GetCalldata: "host",
    ModuleCall: "module",
    ReadClock: "tampered",
    ReadRandom: "tampered",
}
"""Whose answer it is. Clock and random bytes are functions of the transaction: only a changed record has others."""
OTHERWISE: Final = (CODE_SLOT, LOCKED_SLOT)
"""The code is a kind of its own. Of the locked slots only those count that the run writes to: the list leaves no trace in
it, so another list with the same effect is the same run."""


def answers(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Another answer, where it was told first. What that is: another answer of whoever gave it, or a changed record."""
    first: dict[object, tuple[str, int]] = {}
    for line, seq in parts.places(*ANSWERED_BY):
        request = parts.lines[line][seq].request
        if isinstance(request, ReadRandom) and line != MAIN:
            continue  # random bytes of the system: any are right
        if not (isinstance(request, StorageRead) and request.slot in OTHERWISE):
            first.setdefault(request, (line, seq))
    for line, seq in first.values():
        event = parts.lines[line][seq]
        value = other_answer(event)
        if value is None:
            continue
        cause = ANSWERED_BY[type(event.request)]
        by = Event(event.request, Answer(0, value))
        yield Mutation("answer", swapped_in(parts, line, seq, by), line, seq, (cause, "tampered"))


def other_answer(event: Event) -> Any:
    """Another answer of the same form; None where there is no other."""
    value = event.answer.value
    if isinstance(event.request, ModuleCall) and isinstance(value, bytes):
        return calldata.encode(_other_texts(calldata.decode(value)))
    if isinstance(event.request, GetCalldata) and isinstance(value, bytes):
        call = calldata.decode(value)
        return (
            calldata.encode({**call, "args": [*call.get("args", []), 1]}) if isinstance(call, dict) else None
        )
    return changed(value) if value not in (b"", None) else None


def _other_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _other_texts(item) for key, item in value.items()}
    return value + " not" if isinstance(value, str) else value


def orders(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Two neighbours exchanged."""
    pairs = [
        (line, seq)
        for line, seq in parts.places()
        if seq + 1 < len(parts.lines[line])
        and parts.lines[line][seq].request != parts.lines[line][seq + 1].request
    ]
    for line, seq in random.sample(pairs, min(4, len(pairs))):
        events = parts.lines[line]
        other = [*events[:seq], events[seq + 1], events[seq], *events[seq + 2 :]]
        yield Mutation("order", parts.with_line(line, other), line, seq, ("tampered",))


def missing(parts: Parts, random: Random) -> Iterator[Mutation]:
    """An event cut out."""
    for line, seq in random.sample(parts.places(), min(6, len(parts.places()))):
        events = parts.lines[line]
        if seq + 1 == len(events) or events[seq] != events[seq + 1]:
            yield Mutation("missing", swapped_in(parts, line, seq), line, seq, ("tampered",))


def extra(parts: Parts, random: Random) -> Iterator[Mutation]:
    """An event put in, in the middle and behind the end."""
    more = Event(TraceMessage("never asked"), Answer())
    for line, events in parts.lines.items():
        for seq in (random.randrange(len(events)), len(events)):
            yield Mutation(
                "extra", parts.with_line(line, [*events[:seq], more, *events[seq:]]), line, seq, ("tampered",)
            )


def code(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Other code than the one whose hash the run ends with."""
    for line, seq in parts.places(StorageRead):
        event = parts.lines[line][seq]
        told = event.answer.value
        if isinstance(told, bytes) and b"class " in told:
            by = Event(event.request, Answer(0, told.replace(b"return", b"return ", 1)[: len(told)]))
            yield Mutation("code", swapped_in(parts, line, seq, by), line, seq, ("code",))


def runners(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Other runners in the list of those that were loaded; other pins, for a run that comes out otherwise."""
    footer = parts.footer
    other = msgspec.structs.replace(footer, runners=(*footer.runners, "unknown:test stand-in"))
    yield Mutation("runner", replace(parts, footer=other), FOOTER, None, ("code",), "runners")
    for pin, cause in (("sdk", "code"), ("runtime", "code"), ("engine", "engine")):
        pins = msgspec.structs.replace(parts.header.pins, **{pin: "another"})
        header = msgspec.structs.replace(parts.header, pins=pins)
        line, seq = random.choice(parts.places(StorageWrite, ConsumeResult))
        name = parts.lines[line][seq].request.__struct_fields__[-1]
        forged = replace(field_changed(parts, line, seq, name), header=header)
        yield Mutation("runner", forged, line, seq, (cause, "tampered"), name)


def memory(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Another hash of what the guest's memory held in the end."""
    other = msgspec.structs.replace(parts.footer, memory_hash=random.randbytes(32))
    yield Mutation("memory", replace(parts, footer=other), FOOTER, None, ("tampered",), "memory_hash")


def fuel(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Less fuel than the run took: it ends inside the main VM, before the result is handed over."""
    if parts.header.limits.fuel is None:
        return
    limits = msgspec.structs.replace(parts.header.limits, fuel=1000)
    header = msgspec.structs.replace(parts.header, limits=limits)
    entered = next(
        seq
        for seq, event in enumerate(parts.lines[MAIN])
        if not isinstance(event.request, StorageRead | GetCalldata)
        or (isinstance(event.request, StorageRead) and seq > 0 and _after_code(parts, seq))
    )
    yield Mutation("fuel", replace(parts, header=header), MAIN, entered, ("limit",), "kind")


def _after_code(parts: Parts, seq: int) -> bool:
    before = parts.lines[MAIN][seq - 1]
    return isinstance(before.answer.value, bytes) and b"class " in before.answer.value


def storage(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Another write, and another hash of all writes."""
    places = parts.places(StorageWrite)
    yield from _fields("storage", parts, random.sample(places, min(2, len(places))))
    other = msgspec.structs.replace(parts.footer, storage_hash=random.randbytes(32))
    yield Mutation("storage", replace(parts, footer=other), FOOTER, None, ("tampered",), "storage_hash")


def messages(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Another message or event."""
    yield from _fields("message", parts, parts.places(PostMessage, PostEvent))


def fingerprints(parts: Parts, random: Random) -> Iterator[Mutation]:
    """Another place or memory in the fingerprint of an error."""
    for line, seq in parts.places(ConsumeResult):
        event = parts.lines[line][seq]
        assert isinstance(event.request, ConsumeResult)
        kind, data = event.request.payload[:1], event.request.payload[1:]
        if kind == b"\0":
            continue
        for change in (_other_frame, _other_memory):
            ended: Any = calldata.decode(data)
            change(ended["fingerprint"])
            by = Event(ConsumeResult(kind + calldata.encode(ended)), event.answer)
            yield Mutation("fingerprint", swapped_in(parts, line, seq, by), line, seq, ("tampered",))


def _other_frame(fingerprint: Any) -> None:
    fingerprint["frames"][0]["func"] += 1


def _other_memory(fingerprint: Any) -> None:
    module = next(iter(fingerprint["module_instances"].values()))
    module["memories"][0] = changed(module["memories"][0])


KINDS: Final[dict[str, Callable[[Parts, Random], Iterator[Mutation]]]] = {
    "argument": arguments,
    "answer": answers,
    "order": orders,
    "missing": missing,
    "extra": extra,
    "code": code,
    "runner": runners,
    "memory": memory,
    "fuel": fuel,
    "storage": storage,
    "message": messages,
    "fingerprint": fingerprints,
}


def mutations(run: StoredRun, *kinds: str) -> Iterator[Mutation]:
    """Mutations of one recorded run, as far as it has a place for them; of every kind, or of these. Always the same."""
    parts = parts_of(run)
    for kind in kinds or KINDS:
        yield from KINDS[kind](parts, Random(SEED))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a report made of one mutation."""

    found: bool
    exact: bool  # it points to the place
    right: bool  # the class of cause


def verdict(mutation: Mutation, told: Explanation | None) -> Verdict:
    """Judge a report. An answer is told where it shows first, and named among the answers that it can have come from."""
    if told is None:
        return Verdict(False, False, False)
    found = told.found
    at = found.line if found.seq is None else f"{found.line}[{found.seq}]"
    named = {at, *(one.place for one in told.findings)}
    if mutation.kind == "answer":
        named |= set(re.findall(r"[\w:]+\[\d+\]", " ".join(told.cause.evidence)))
    exact = mutation.place in named and mutation.field in ("", found.field)
    return Verdict(True, exact, told.cause.kind in mutation.causes)
