"""Temporal's Replayer as a peer: workflows that do what our contracts do, and histories of them, made offline.

Its test server is a download, so the histories are built here from the event types of its API, as a server would have
recorded them: with the SDK's flags, without which it compares less. It comes with the extra `bench`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

FLAGS = (1, 2, 3)  # of the core: compare ids and types of commands, and what later releases do otherwise
SOON = timedelta(seconds=5)
RUN_ID = "11111111-1111-1111-1111-111111111111"
OTHER = "another-shop"
_convert = DataConverter.default.payload_converter
Change = Callable[[HistoryEvent], None]


@dataclass(frozen=True, slots=True)
class Activity:
    """One host call: its type, what it is asked, what it answers."""

    name: str
    asked: tuple[Any, ...]
    answer: Any


@dataclass(frozen=True, slots=True)
class Memo:
    """A write to the workflow's own fields."""

    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signal:
    """A message to another workflow."""

    name: str
    sent: Any


Step = Activity | Memo | Signal


@dataclass(slots=True)
class Recorded:
    """A workflow with its history.

    Attributes:
        ends: the returned value, or the error that it raised.
    """

    definition: type
    steps: list[Step]
    ends: Any
    asked: tuple[Any, ...] = ()
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.history = build(self.definition.__name__, self.asked, self.steps, self.ends)

    def places(self, kind: str) -> list[int]:
        """Ids of the events of a type."""
        return [event.event_id for event in self.history.events if event.event_type == number(kind)]

    def with_event(self, event_id: int, change: Change) -> History:
        """The history with one event changed."""
        other = History()
        other.CopyFrom(self.history)
        change(other.events[event_id - 1])
        return other


def number(kind: str) -> Any:
    """The number of an event type."""
    return getattr(EventType, f"EVENT_TYPE_{kind}")


def payloads(*values: Any) -> Payloads:
    """Values as they are stored."""
    return Payloads(payloads=_convert.to_payloads(list(values)))


def build(name: str, asked: Sequence[Any], steps: Sequence[Step], ends: Any) -> History:
    """The history of a workflow that took these steps, each in a workflow task of its own."""
    made = _Builder(name, asked)
    for step in steps:
        made.take(step)
    made.end(ends)
    return made.history


class _Builder:
    """Adds events as a server does."""

    def __init__(self, name: str, asked: Sequence[Any]) -> None:
        self.history = History()
        self._activities = 0
        begun = self._add("WORKFLOW_EXECUTION_STARTED").workflow_execution_started_event_attributes
        begun.workflow_type.name, begun.task_queue.name, begun.workflow_id = name, "q", "w"
        begun.input.CopyFrom(payloads(*asked))
        begun.original_execution_run_id = begun.first_execution_run_id = RUN_ID
        begun.workflow_task_timeout.FromSeconds(10)
        begun.attempt = 1
        self._done = self._task()

    def _add(self, kind: str) -> Any:
        events = self.history.events
        event = events.add(event_id=len(events) + 1, event_type=number(kind))
        event.event_time.FromSeconds(1_700_000_000 + len(events))
        return event

    def _task(self) -> int:
        scheduled = self._add("WORKFLOW_TASK_SCHEDULED")
        scheduled.workflow_task_scheduled_event_attributes.task_queue.name = "q"
        started = self._add("WORKFLOW_TASK_STARTED")
        started.workflow_task_started_event_attributes.scheduled_event_id = scheduled.event_id
        completed = self._add("WORKFLOW_TASK_COMPLETED")
        told = completed.workflow_task_completed_event_attributes
        told.scheduled_event_id, told.started_event_id = scheduled.event_id, started.event_id
        told.sdk_metadata.core_used_flags.extend(FLAGS)
        told.sdk_metadata.sdk_name, told.sdk_metadata.sdk_version = "temporal-python", "1.35.0"
        told.worker_version.build_id = "build-1"
        return int(completed.event_id)

    def take(self, step: Step) -> None:
        """Add the events of one step."""
        if isinstance(step, Activity):
            self._activity(step)
        elif isinstance(step, Signal):
            self._signal(step)
        else:
            changed = self._add("WORKFLOW_PROPERTIES_MODIFIED").workflow_properties_modified_event_attributes
            for key, value in step.fields.items():
                changed.upserted_memo.fields[key].CopyFrom(_convert.to_payload(value))
            changed.workflow_task_completed_event_id = self._done

    def _activity(self, step: Activity) -> None:
        self._activities += 1
        event = self._add("ACTIVITY_TASK_SCHEDULED")
        call = event.activity_task_scheduled_event_attributes
        call.activity_id, call.activity_type.name = str(self._activities), step.name
        call.task_queue.name = "q"
        call.input.CopyFrom(payloads(*step.asked))
        call.start_to_close_timeout.FromTimedelta(SOON)
        call.workflow_task_completed_event_id = self._done
        started = self._add("ACTIVITY_TASK_STARTED")
        started.activity_task_started_event_attributes.scheduled_event_id = event.event_id
        closed = self._add("ACTIVITY_TASK_COMPLETED").activity_task_completed_event_attributes
        closed.scheduled_event_id, closed.started_event_id = event.event_id, started.event_id
        closed.result.CopyFrom(payloads(step.answer))
        self._done = self._task()

    def _signal(self, step: Signal) -> None:
        event = self._add("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED")
        sent = event.signal_external_workflow_execution_initiated_event_attributes
        sent.signal_name, sent.workflow_execution.workflow_id = step.name, OTHER
        sent.input.CopyFrom(payloads(step.sent))
        sent.workflow_task_completed_event_id = self._done
        arrived = self._add("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED")
        arrived.external_workflow_execution_signaled_event_attributes.initiated_event_id = event.event_id
        self._done = self._task()

    def end(self, ends: Any) -> None:
        """Add the last event."""
        if isinstance(ends, ApplicationError):
            failed = self._add("WORKFLOW_EXECUTION_FAILED").workflow_execution_failed_event_attributes
            failed.failure.message, failed.failure.stack_trace = str(ends), "  File shop.py, line 12, in run"
            failed.failure.application_failure_info.type = "Refused"
            failed.workflow_task_completed_event_id = self._done
        else:
            ended = self._add("WORKFLOW_EXECUTION_COMPLETED").workflow_execution_completed_event_attributes
            ended.result.CopyFrom(payloads(ends))
            ended.workflow_task_completed_event_id = self._done


@cache
def _quiet() -> Runtime:
    return Runtime(telemetry=TelemetryConfig(logging=None))


def replayer(definition: type) -> Replayer:
    """A replayer of one workflow, without the sandbox: that is the quicker way."""
    return Replayer(workflows=[definition], workflow_runner=UnsandboxedWorkflowRunner(), runtime=_quiet())


def replay(definition: type, history: History) -> str | None:
    """What the Replayer has to say against a history; None: nothing."""
    told = asyncio.run(
        replayer(definition).replay_workflow(
            WorkflowHistory("w", history.events), raise_on_replay_failure=False
        )
    ).replay_failure
    return None if told is None else str(told)


async def host_call(name: str, *asked: Any) -> Any:
    """One activity."""
    return await workflow.execute_activity(name, args=list(asked), start_to_close_timeout=SOON)


async def sell(name: str, count: int, *, wrong: int = 0, output: str = "print", events: int = 1) -> int:
    """What the contract `Shop` of tests/replay/mutated_runs.py does in `sell`; with changes to its code."""
    held = await host_call("read_stock", name)
    left = held - count
    await host_call(output, f"left {left}")
    if left < 0:
        raise ApplicationError(f"only {held} of {name}", type="Refused")
    await host_call("write_stock", name, left + wrong)
    workflow.upsert_memo({"sold": count})
    for _ in range(events):
        await host_call("post_event", "Moved", name, count)
    await workflow.get_external_workflow_handle(OTHER).signal("restock", count)
    return int(left)


@workflow.defn(sandboxed=False)
class Sale:
    """The workflow as it was recorded."""

    @workflow.run
    async def run(self, name: str, count: int) -> int:
        """Sell `count` of a thing."""
        return await sell(name, count)


@workflow.defn(name="Sale", sandboxed=False)
class OtherArgument:
    """The same with another argument of an activity."""

    @workflow.run
    async def run(self, name: str, count: int) -> int:
        """Sell otherwise."""
        return await sell(name, count, wrong=1)


@workflow.defn(name="Sale", sandboxed=False)
class OtherActivity:
    """The same with another activity."""

    @workflow.run
    async def run(self, name: str, count: int) -> int:
        """Sell otherwise."""
        return await sell(name, count, output="log")


@workflow.defn(name="Sale", sandboxed=False)
class OneMore:
    """The same with one activity more."""

    @workflow.run
    async def run(self, name: str, count: int) -> int:
        """Sell otherwise."""
        return await sell(name, count, events=2)


@workflow.defn(name="Sale", sandboxed=False)
class OneLess:
    """The same with one activity less."""

    @workflow.run
    async def run(self, name: str, count: int) -> int:
        """Sell otherwise."""
        return await sell(name, count, events=0)


@workflow.defn(name="Sale", sandboxed=False)
class OtherResult:
    """The same with another result."""

    @workflow.run
    async def run(self, name: str, count: int) -> int:
        """Sell otherwise."""
        return await sell(name, count) + 1


OTHER_CODE = {OtherArgument: 17, OtherActivity: 11, OneMore: 30, OneLess: 24, OtherResult: 35}
"""Definitions of `Sale` with the event of its history that first comes out otherwise."""


@workflow.defn(sandboxed=False)
class Outlook:
    """What the contract of the same name does."""

    @workflow.run
    async def run(self, url: str) -> str:
        """Ask a page and a model."""
        page = await host_call("web", url)
        word = (await host_call("llm", f"how will it move? {page}")).lower()
        await host_call("write_word", word)
        return str(word)


@workflow.defn(sandboxed=False)
class Calls:
    """A number of host calls, one after the other."""

    @workflow.run
    async def run(self, count: int) -> str:
        """Make them; gives the last answer."""
        answer = ""
        for at in range(count):
            answer = await host_call("host_call", f"{at:064x}")
        return answer


def calls(count: int) -> Recorded:
    """A history of `count` host calls of 64 characters each way."""
    steps: list[Step] = [Activity("host_call", (f"{at:064x}",), f"{at * 7:064x}") for at in range(count)]
    return Recorded(Calls, steps, f"{(count - 1) * 7:064x}", (count,))
