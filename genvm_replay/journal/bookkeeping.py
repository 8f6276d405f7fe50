"""Lines of a run that nothing crossed the boundary of a VM on: what modules tried for their answers.

They are hashed into the run's root like all lines, so they can't be changed unseen. No replay asks for them or compares
them, and no guest sees them: a re-execution takes them over as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .. import calldata
from ..calldata import CalldataError, Value
from ..errors import PayloadRedacted
from .events import Answer, ModuleAttempt

if TYPE_CHECKING:
    from .stored import StoredRun

ATTEMPTS: Final = "attempts:"
RAW: Final = "raw"  # key of what the provider said


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a module, as it is stored.

    Attributes:
        line, call: where the answer is that it was made for; `call` is None where the event can't tell any more.
        facts: such as backend, model, status, duration_us, input_tokens, output_tokens, cost.
        raw: what the provider said, as it came; None where that was not kept.
    """

    line: str
    call: int | None
    facts: Mapping[str, Value]
    raw: bytes | None


def is_bookkeeping(line: str) -> bool:
    """Whether a line is none of requests and answers."""
    return line.startswith(ATTEMPTS)


def attempts_line(line: str) -> str:
    """The line that tells what was tried for the answers on `line`."""
    return ATTEMPTS + line


def attempt_event(call: int, facts: Mapping[str, Value]) -> tuple[ModuleAttempt, Answer]:
    """One attempt as it is recorded; what the provider said is the answer.

    Args:
        call: seq of the module call.
    """
    raw = facts.get(RAW)
    told = {name: value for name, value in facts.items() if name != RAW}
    return ModuleAttempt(call, calldata.encode(told)), Answer(0, raw if isinstance(raw, bytes) else None)


def attempts_of(run: StoredRun) -> Iterator[Attempt]:
    """All attempts of a run, line by line. A removed payload is named in the facts, under `redacted`."""
    for summary in run.bookkeeping():
        line = summary.name.removeprefix(ATTEMPTS)
        for event in run.read_shown(summary.name):
            if isinstance(event, PayloadRedacted):
                yield Attempt(line, None, {"redacted": event.field}, None)
            elif isinstance(event.request, ModuleAttempt):
                raw = event.answer.value
                facts = facts_of(event.request)
                yield Attempt(line, event.request.call, facts, raw if isinstance(raw, bytes) else None)


def facts_of(attempt: ModuleAttempt) -> Mapping[str, Value]:
    """Its facts; none where somebody wrote something else there."""
    try:
        facts = calldata.decode(attempt.facts)
    except (CalldataError, RecursionError):
        return {}
    return facts if isinstance(facts, Mapping) else {}
