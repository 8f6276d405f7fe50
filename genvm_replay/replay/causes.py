"""Why a re-execution differs from its record: a class of cause, with the evidence for it. Pure: a table of rules.

The rules stand in the order of their strength: what proves something comes first, what only makes it likely last. The
classes and what each can and can't tell are in docs/reports.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..errors import JournalDamaged, Mismatch
from ..journal.events import (
    EthCall,
    Event,
    GetBalance,
    GetLeaderNondetResult,
    ModuleCall,
    RemainingFuelAsGen,
    StorageRead,
)
from ..journal.run import Limits, RunFooter
from .audit import Blame, Finding

CauseKind: TypeAlias = Literal["tampered", "code", "engine", "leak", "host", "module", "limit", "unknown"]
CAUSES: Final[dict[CauseKind, str]] = {
    "tampered": "tampered journal",
    "code": "different code or runner",
    "engine": "different engine",
    "leak": "nondeterminism leak",
    "host": "host answered differently",
    "module": "module answered differently",
    "limit": "resource limit",
    "unknown": "not told by what is at hand",
}
HOST_ANSWERS: Final = (StorageRead, GetBalance, EthCall, GetLeaderNondetResult, RemainingFuelAsGen)
OF_THE_TRANSACTION: Final = ("read_clock/1", "read_random/1")
LIMIT_MESSAGES: Final = (b"OOM", b"wasm_trap OutOfFuel")
ENDS: Final = ("kind", "payload", "storage_hash", "memory_hash")


@dataclass(frozen=True, slots=True)
class Cause:
    """A class of cause.

    Attributes:
        proved: the evidence leaves no other; else it is the likeliest.
    """

    kind: CauseKind
    evidence: tuple[str, ...]
    proved: bool = False

    @property
    def title(self) -> str:
        """The class in words."""
        return CAUSES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is known of one difference.

    Attributes:
        found: the first difference.
        findings: contradictions of the record in itself.
        other_pins: pinned parts that are not the recorded ones here.
        again: the first difference of a second re-execution; None where there was none, or it came out identical.
        repeated: a second re-execution was made.
        ended: how the second one ended, going on behind the difference; None if the record did not know enough.
        unanswered: why `ended` is None: what the second re-execution asked that the record does not know.
        told_last: the last recorded answer of a host or a module before the difference, with its place.
        out_of_memory: Python's MemoryError reached standard error in the record, and now.
    """

    found: Mismatch
    limits: Limits
    recorded: RunFooter | None = None
    findings: Sequence[Finding] = ()
    other_pins: Sequence[str] = ()
    again: Mismatch | None = None
    repeated: bool = False
    ended: RunFooter | None = None
    unanswered: str = ""
    told_last: tuple[str, Event] | None = None
    out_of_memory: tuple[bool, bool] = (False, False)


def cause_of(case: Case) -> Cause:
    """The class of cause of a difference: that of the first rule that applies."""
    return next(cause for rule in RULES if (cause := rule(case)) is not None)


def _bytes_changed(case: Case) -> Cause | None:
    if not isinstance(case.found, JournalDamaged):
        return None
    return Cause("tampered", ("the stored bytes do not fit their own hashes",), proved=True)


def _contradiction(case: Case) -> Cause | None:
    """What only somebody who changed the record can have done: answers that nobody is asked for, hashes of the end."""
    for blame in ("code", "tampered"):
        if told := _blamed(case, blame):
            return Cause(blame, told, proved=True)
    return None


def _host_contradiction(case: Case) -> Cause | None:
    told = _blamed(case, "host")
    return Cause("host", told) if told else None


def _blamed(case: Case, blame: Blame) -> tuple[str, ...]:
    return tuple(f"{one.place}: {one.field}: {one.why}" for one in case.findings if one.blame == blame)


def _limit(case: Case) -> Cause | None:
    if case.recorded is None or case.ended is None:
        return None
    before = _limited(case.recorded) or ("MemoryError" if case.out_of_memory[0] else "")
    now = _limited(case.ended) or ("MemoryError" if case.out_of_memory[1] else "")
    if bool(before) == bool(now):
        return None
    limits = (
        f"limits of the run: memory {case.limits.memory_bytes} bytes, fuel {case.limits.fuel or 'unlimited'}"
    )
    who = (
        f"the record ended with {before}, this run did not"
        if before
        else f"this run ended with {now}, the record did not"
    )
    return Cause("limit", (who, limits))


def _limited(footer: RunFooter) -> str:
    limited = footer.kind == "vm_error" and footer.payload.startswith(LIMIT_MESSAGES)
    return footer.payload.decode(errors="replace") if limited else ""


def _other_parts(case: Case) -> Cause | None:
    if case.found.line == "footer" and case.found.field == "runners":
        return Cause("code", ("other runners were loaded than the record lists",))
    if not case.other_pins:
        return None
    told = tuple(f"{name} is not the recorded one here" for name in case.other_pins)
    return Cause("engine" if list(case.other_pins) == ["engine"] else "code", told)


def _leak(case: Case) -> Cause | None:
    if not case.repeated or (case.again is not None and _same(case.again, case.found)):
        return None
    second = "came out identical" if case.again is None else f"differs first at {case.again}"
    return Cause(
        "leak", (f"two re-executions of the same record differ from each other: the second {second}",)
    )


def _same(one: Mismatch, other: Mismatch) -> bool:
    def key(found: Mismatch) -> tuple[object, ...]:
        return found.line, found.seq, found.field, found.actual

    return key(one) == key(other)


def _same_end(case: Case) -> Cause | None:
    if case.recorded is None or case.ended is None:
        return None
    differ = [name for name in ENDS if getattr(case.recorded, name) != getattr(case.ended, name)]
    if differ and not (case.found.line == "footer" and differ == [case.found.field]):
        return None
    repeated = "a second re-execution met the same difference"
    if case.found.line == "footer":
        told = f"every request is the recorded one, and only {case.found.field} of the end is another"
    else:
        told = (
            "result, storage and memory are the recorded ones in the end: only the record of the way differs"
        )
    return Cause("tampered", (told, repeated, "code, runtime and engine are the recorded ones"))


def _past_the_door(case: Case) -> Cause | None:
    """What the transaction itself answers is in every true record, wherever it was asked for."""
    if case.found.field != "kind" or case.found.actual not in OF_THE_TRANSACTION:
        return None
    told = (
        f"the run makes the request {case.found.actual} here, the record has none and goes on with another value",
        "it was made where the guest got that past the door, or somebody took the event out",
    )
    return Cause("leak", told)


def _answer_before(case: Case) -> Cause | None:
    if case.told_last is None:
        return None
    place, event = case.told_last
    asked = str(event.request.__struct_config__.tag)
    told = (
        "code, runtime and engine are the recorded ones, and the run goes another way to its end",
        f"the last answer from outside before the difference is {place}, {asked}",
    )
    return Cause("module" if isinstance(event.request, ModuleCall) else "host", told)


def _unanswered(case: Case) -> Cause | None:
    """A replay gets the recorded answers only, so a true record holds whatever it asks for."""
    if not case.unanswered:
        return None
    told = [
        case.unanswered,
        "an event is missing in the record, or an earlier answer is not the one that was given",
    ]
    if case.told_last is not None:
        told.append(f"the last answer from outside before the difference is {case.told_last[0]}")
    return Cause("tampered", tuple(told))


def _unknown(_case: Case) -> Cause:
    return Cause("unknown", ("no rule applies; `triage` tries other builds",))


RULES: Final[tuple[Callable[[Case], Cause | None], ...]] = (
    *(_bytes_changed, _contradiction, _limit, _other_parts, _leak, _same_end),
    *(_host_contradiction, _unanswered, _past_the_door, _answer_before, _unknown),
)
