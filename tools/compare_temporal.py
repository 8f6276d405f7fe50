"""The same kinds of mutation in our records and in Temporal's histories: what our reports and its Replayer find.

Ours are those that tests/replay/test_mutations.py holds, on real recordings of five transactions of three contracts.
Temporal's are made in histories of workflows that do the same (`temporal_peer.py`). For each kind is counted: how many
were seeded, found, told at their exact place, and told with the right class of cause. Temporal's place is the id of the
changed event, anywhere in its message. Its messages know one class, nondeterminism, which stands for other code: that
is counted as right where the workflow's code was changed. `--write` puts the table into docs/reports.md.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from temporal_peer import (  # noqa: E402
    OTHER_CODE,
    Activity,
    Change,
    Memo,
    Outlook,
    Recorded,
    Sale,
    Signal,
    Step,
    build,
    payloads,
    replay,
)
from temporalio.api.history.v1 import History, HistoryEvent  # noqa: E402
from temporalio.exceptions import ApplicationError  # noqa: E402

from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.replay.examine import confirmed, examine  # noqa: E402
from genvm_replay.replay.local_node import LocalNode  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402
from tests.replay.mutated_runs import recorded_runs  # noqa: E402
from tests.replay.mutations import KINDS, mutations, put_together, verdict  # noqa: E402

DOCUMENT = ROOT / "docs" / "reports.md"
BEGIN, END = "<!-- compare_temporal: begin -->", "<!-- compare_temporal: end -->"
COUNTERPARTS = {
    "argument": "input of an activity",
    "answer": "result of an activity",
    "order": "two activities exchanged",
    "missing": "an activity cut out",
    "extra": "an activity put in",
    "code": "another workflow definition",
    "runner": "version of the SDK, build id of the worker",
    "memory": "none",
    "fuel": "time limit of an activity",
    "storage": "memo",
    "message": "signal to another workflow",
    "fingerprint": "message and stack trace of the failure; result",
}


@dataclass(frozen=True, slots=True)
class Seed:
    """One mutation for Temporal: a history, the definition that it is replayed with, the event that was changed."""

    kind: str
    definition: type
    history: History
    event_id: int


def recorded_workflows() -> list[Recorded]:
    """The histories that are mutated."""
    sale: list[Step] = [
        *(Activity("read_stock", ("tea",), 40), Activity("print", ("left 37",), None)),
        *(Activity("write_stock", ("tea", 37), None), Memo({"sold": 3})),
        *(Activity("post_event", ("Moved", "tea", 3), None), Signal("restock", 3)),
    ]
    refusal: list[Step] = [
        Activity("read_stock", ("tea",), 40),
        Activity("print", ("left -60",), None),
    ]
    outlook: list[Step] = [
        Activity("web", ("http://a.example/",), "page"),
        Activity("llm", ("how will it move? page",), "Rising"),
        Activity("write_word", ("rising",), None),
    ]
    refused = ApplicationError("only 40 of tea", type="Refused")
    return [
        Recorded(Sale, sale, 37, ("tea", 3)),
        Recorded(Sale, refusal, refused, ("tea", 100)),
        Recorded(Outlook, outlook, "rising", ("http://a.example/",)),
    ]


def seeds(recorded: Recorded) -> Iterator[Seed]:
    """Every kind of mutation that has a counterpart."""
    yield from _of_events(recorded)
    yield from _of_steps(recorded)
    if recorded.definition is Sale and recorded.ends == 37:
        for definition, event_id in OTHER_CODE.items():
            yield Seed("code", definition, recorded.history, event_id)


def _of_events(recorded: Recorded) -> Iterator[Seed]:
    for kind, event_type, changes in CHANGES:
        for event_id in recorded.places(event_type)[: 1 if kind == "runner" else None]:
            for change in changes:
                history = recorded.with_event(event_id, change)
                yield Seed(kind, recorded.definition, history, event_id)
    for event_id in recorded.places("ACTIVITY_TASK_COMPLETED"):
        result = recorded.history.events[event_id - 1].activity_task_completed_event_attributes.result
        if result.payloads[0].data not in (b"", b"null"):
            for other in _other_answers(result.payloads[0].data):
                history = recorded.with_event(event_id, lambda event, other=other: _answer(event, other))  # type: ignore[misc]
                yield Seed("answer", recorded.definition, history, event_id)


def _answer(event: HistoryEvent, other: Any) -> None:
    event.activity_task_completed_event_attributes.result.CopyFrom(payloads(other))


def _asked(event: HistoryEvent) -> None:
    event.activity_task_scheduled_event_attributes.input.CopyFrom(payloads("another"))


def _limit(event: HistoryEvent) -> None:
    event.activity_task_scheduled_event_attributes.start_to_close_timeout.FromTimedelta(
        timedelta(milliseconds=1)
    )


def _version(event: HistoryEvent) -> None:
    event.workflow_task_completed_event_attributes.sdk_metadata.sdk_version = "1.0.0"


def _build_id(event: HistoryEvent) -> None:
    event.workflow_task_completed_event_attributes.worker_version.build_id = "build-2"


def _memo(event: HistoryEvent) -> None:
    fields = event.workflow_properties_modified_event_attributes.upserted_memo.fields
    fields["sold"].CopyFrom(payloads(4).payloads[0])


def _sent(event: HistoryEvent) -> None:
    event.signal_external_workflow_execution_initiated_event_attributes.input.CopyFrom(payloads(4))


def _signal(event: HistoryEvent) -> None:
    event.signal_external_workflow_execution_initiated_event_attributes.signal_name = "another"


def _target(event: HistoryEvent) -> None:
    sent = event.signal_external_workflow_execution_initiated_event_attributes
    sent.workflow_execution.workflow_id = "elsewhere"


def _failure(event: HistoryEvent) -> None:
    event.workflow_execution_failed_event_attributes.failure.message = "another"


def _trace(event: HistoryEvent) -> None:
    event.workflow_execution_failed_event_attributes.failure.stack_trace = "  File shop.py, line 7, in run"


def _result(event: HistoryEvent) -> None:
    event.workflow_execution_completed_event_attributes.result.CopyFrom(payloads("another"))


CHANGES: tuple[tuple[str, str, tuple[Change, ...]], ...] = (
    ("argument", "ACTIVITY_TASK_SCHEDULED", (_asked,)),
    ("fuel", "ACTIVITY_TASK_SCHEDULED", (_limit,)),
    ("runner", "WORKFLOW_TASK_COMPLETED", (_version, _build_id)),
    ("storage", "WORKFLOW_PROPERTIES_MODIFIED", (_memo,)),
    ("message", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED", (_sent, _signal, _target)),
    ("fingerprint", "WORKFLOW_EXECUTION_FAILED", (_failure, _trace)),
    ("fingerprint", "WORKFLOW_EXECUTION_COMPLETED", (_result,)),
)


def _other_answers(data: bytes) -> list[Any]:
    """One that leads to other arguments, and of numbers one that leads to another branch."""
    return [50, 1] if data.isdigit() else ["another"]


def _of_steps(recorded: Recorded) -> Iterator[Seed]:
    steps, places = recorded.steps, recorded.places("ACTIVITY_TASK_SCHEDULED")
    activities = [at for at, step in enumerate(steps) if isinstance(step, Activity)]

    def seed(kind: str, other: list[Step], event_id: int) -> Seed:
        name = recorded.definition.__name__
        return Seed(kind, recorded.definition, build(name, recorded.asked, other, recorded.ends), event_id)

    for at, event_id in zip(activities, places, strict=True):
        yield seed("missing", [*steps[:at], *steps[at + 1 :]], event_id)
        yield seed("extra", [*steps[:at], replace(steps[at], name="never_asked"), *steps[at:]], event_id)
        if at + 1 in activities:
            yield seed("order", [*steps[:at], steps[at + 1], steps[at], *steps[at + 2 :]], event_id)
    last = recorded.history.events[-1].event_id
    yield seed("extra", [*steps, Activity("never_asked", (), None)], last)


def theirs() -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """What the Replayer finds; and its messages, numbers left out."""
    counts: Counter[tuple[str, str]] = Counter()
    messages: Counter[str] = Counter()
    for recorded in recorded_workflows():
        assert replay(recorded.definition, recorded.history) is None, "the history itself is refused"
        for seed in seeds(recorded):
            told = replay(seed.definition, seed.history)
            counts[seed.kind, "seeded"] += 1
            if told is None:
                continue
            said = re.search(r"\[TMPRL\d+\][^\"]*", told)
            text = said[0] if said else told
            messages[re.sub(r"\d+", "N", text)[:160]] += 1
            counts[seed.kind, "found"] += 1
            counts[seed.kind, "exact"] += str(seed.event_id) in re.findall(r"\d+", text.partition("]")[2])
            counts[seed.kind, "class"] += seed.kind == "code"
    return counts, messages


def ours() -> Counter[tuple[str, str]]:
    """What our reports find."""
    counts: Counter[tuple[str, str]] = Counter()
    runtime = PythonRuntime(Path(os.environ.get("GENVM_REPLAY_TEST_CACHE") or default_cache(os.environ)))
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "journal.db") as store:
        bench = Workbench(store, lambda: runtime)
        for _, run in recorded_runs(LocalNode(bench)):
            for mutation in mutations(run):
                forgery = put_together(mutation.parts)
                told = examine(forgery, bench, thorough=True).explanation
                told = told and confirmed(forgery, bench, told)
                one = verdict(mutation, told)
                counts[mutation.kind, "seeded"] += 1
                counts[mutation.kind, "found"] += one.found
                counts[mutation.kind, "exact"] += one.exact
                counts[mutation.kind, "class"] += one.right
        bench.close()
    return counts


def cells(counts: Counter[tuple[str, str]], kind: str) -> str:
    """`found, exact, class of seeded`."""
    if not counts[kind, "seeded"]:
        return "- | - | - | -"
    return " | ".join(str(counts[kind, name]) for name in ("seeded", "found", "exact", "class"))


def table(own: Counter[tuple[str, str]], other: Counter[tuple[str, str]]) -> str:
    """The counts as markdown."""
    counted = "seeded | found | exact place | right class"
    head = f"| kind | {counted} | counterpart in Temporal | {counted} |"
    lines = [head, "|" + "---|" * 10]
    lines += [
        f"| {kind} | {cells(own, kind)} | {COUNTERPARTS[kind]} | {cells(other, kind)} |" for kind in KINDS
    ]
    sums = [
        sum(counts[kind, name] for kind in KINDS)
        for counts in (own, other)
        for name in ("seeded", "found", "exact", "class")
    ]
    lines.append(f"| **all** | {' | '.join(map(str, sums[:4]))} | | {' | '.join(map(str, sums[4:]))} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table; write it into the document if told to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/reports.md")
    options = parser.parse_args()
    found, messages = theirs()
    told = table(ours(), found)
    print(told)
    print("\nWhat the Replayer said, numbers left out:")
    for text, count in messages.most_common():
        print(f"{count:4} {text}")
    if options.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
