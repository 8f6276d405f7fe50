"""What a run in another role says of its leader, read from the two records alone. Pure.

Compared is what other nodes see of the deterministic part: the result with its fingerprint, what was written to
storage, what was sent and emitted, which nondeterministic blocks were asked for. The first difference is looked for in
everything that crossed the main line, so it also names a cause that comes before its effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Literal

from blake3 import blake3

from ..errors import Divergence, Mismatch
from ..executor.effects.door import MAIN_LINE
from ..executor.effects.following import OF_THE_ROLE
from ..executor.effects.replaying import first_difference, kind_of
from ..executor.outcome import CODES
from ..journal.events import (
    OK,
    Answer,
    AnyRequest,
    ConsumeResult,
    DeployContract,
    EthSend,
    Event,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    Request,
)
from ..journal.run import RunFooter
from ..journal.run_index import RunIndex
from ..journal.stored import StoredRun
from .reexecute import footer_difference
from .roles import RULES

Word = Literal["agree", "disagree", "timeout", "deterministic violation"]
SEEN_OUTSIDE: Final[frozenset[type[Request]]] = frozenset(
    (PostEvent, PostMessage, DeployContract, EthSend, GetLeaderNondetResult, ConsumeResult)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A verdict on a leader's run.

    Attributes:
        word: None where there is none: of a leader, and of a run that came to no result.
        block: the first nondeterministic block that its validator function rejected.
        difference: the first difference from the leader's main line; there can be one without effect on the vote.
    """

    word: Word | None
    block: int | None = None
    difference: Mismatch | None = None


@dataclass(frozen=True, slots=True)
class _Main:
    """A main line as it is compared: every event with its index there."""

    events: list[tuple[int, Event]]
    seen_outside: list[AnyRequest]
    disagreement: int | None


def vote_of(run: StoredRun, leader: StoredRun) -> Vote:
    """Compare a run with the leader's run that it is about.

    Raises:
        JournalDamaged, PayloadRedacted: one of the records can't be read.
    """
    rules = RULES[run.header.role]
    theirs, ours = _main_of(leader, leads=rules.leads), _main_of(run, leads=rules.leads)
    found = _first_difference(theirs.events, ours.events) or footer_difference(leader.footer, run.footer)
    if not rules.votes:
        return Vote(word=None, difference=found)
    if run.footer.interrupted:
        return Vote(word="timeout")
    if run.footer.kind == "internal_error":
        return Vote(word=None, difference=found)
    storage = leader.footer.storage_hash, run.footer.storage_hash
    if storage[0] != storage[1] or theirs.seen_outside != ours.seen_outside:
        return Vote(word="deterministic violation", difference=found)
    word: Word = "agree" if ours.disagreement is None else "disagree"
    return Vote(word=word, block=ours.disagreement, difference=found)


def result_hash(footer: RunFooter) -> bytes:
    """BLAKE3 of the result: code byte and data (spec/executor.md 2.1)."""
    return blake3(bytes((CODES[footer.kind],)) + footer.payload).digest()


def fingerprint_hash(run: StoredRun) -> bytes | None:
    """BLAKE3 of an error's fingerprint as calldata (spec/executor.md 2.3); None for a run without one."""
    index = RunIndex()
    for event in run.read_line(MAIN_LINE):
        if isinstance(event.request, ConsumeResult):
            index.result_consumed(MAIN_LINE, 0, event.request, event.answer)
    return index.fingerprint


def _main_of(run: StoredRun, *, leads: bool) -> _Main:
    """The main line; for two leaders with what they found, else without what is a matter of the role."""
    main = _Main([], [], None)
    disagreement = None
    for seq, event in enumerate(run.read_line(MAIN_LINE)):
        if isinstance(event.request, NotifyNondetDisagreement):
            disagreement = event.request.call_no
        if type(event.request) in SEEN_OUTSIDE:
            main.seen_outside.append(event.request)
        if leads or type(event.request) not in OF_THE_ROLE:
            main.events.append((seq, event))
        elif isinstance(event.request, GetLeaderNondetResult):
            main.events.append((seq, Event(event.request, OK)))  # who answers is a matter of the role
    return _Main(main.events, main.seen_outside, disagreement)


def _first_difference(
    theirs: Iterable[tuple[int, Event]], ours: Iterable[tuple[int, Event]]
) -> Mismatch | None:
    """The first event that is another one, by its index in the leader's line."""
    seq = -1
    for recorded, found in zip_longest(theirs, ours):
        seq = recorded[0] if recorded else seq + 1
        if recorded is None or found is None:
            kinds = (kind_of(one[1].request) if one else None for one in (recorded, found))
            return Divergence(MAIN_LINE, seq, "kind", *kinds)
        if recorded[1].request != found[1].request:
            return Divergence(MAIN_LINE, seq, *first_difference(recorded[1].request, found[1].request))
        if recorded[1].answer != found[1].answer:
            return Divergence(MAIN_LINE, seq, *_answer_difference(recorded[1].answer, found[1].answer))
    return None


def _answer_difference(recorded: Answer, found: Answer) -> tuple[str, object, object]:
    name = "error" if recorded.error != found.error else "value"
    return f"answer.{name}", getattr(recorded, name), getattr(found, name)
