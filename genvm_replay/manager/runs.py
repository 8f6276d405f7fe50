"""Runs from their acceptance to their result: one coroutine is the life of one run.

Accepted means stored: the row is safe before the id is answered. Then it waits for permits, runs until it ends, its
deadline passes or somebody cancels it, and its end is stored together with its record. Only then it counts as finished.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..errors import EnvironmentProblem, ReplayError
from .events import EventBoard, RunEvent, Subscription
from .executors import Executors
from .launcher import Launcher
from .orders import RunOrder
from .output import LOG_BYTES_MAX
from .permits import Permits
from .results import LINE_BYTES, Results, RunStatus
from .retention import Retention
from .run import Run
from .tasks import Surroundings, transaction_of
from .versions import Executor, Versions

LOG: Final = logging.getLogger(__name__)
QUEUE_MAX: Final = 4096  # runs that wait for permits
QUEUE_SECONDS_MAX: Final = 600.0
GRACE_S: Final = 2.0  # from SIGTERM to SIGKILL, for handing over the result
FULL: Final = "too_many_runs"
NO_PERMIT: Final = "no_permit_in_time"
NOT_RECORDED: Final = "not_recorded"
STOPPING: Final = "manager_is_stopping"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What an operator decides.

    Attributes:
        journal: URL of the journal that runs are recorded in.
        cache: of the runtime.
        permits: None: by the free memory.
        on_log: is told each line of a log that nobody captures.
    """

    journal: str
    cache: Path
    permits: int | None = None
    queue_max: int = QUEUE_MAX
    queue_s: float = QUEUE_SECONDS_MAX
    grace_s: float = GRACE_S
    modules: Callable[[], Mapping[str, str]] | None = None
    runners: tuple[str | None, str | None] = (None, None)
    on_log: Callable[[int, Mapping[str, Any]], None] = lambda run_id, line: LOG.info(
        "run %d: %s", run_id, line
    )


class Runs:
    """All runs of a manager. An asynchronous context manager: leaving it stops what runs.

    Attributes:
        permits: how many runs go on at once; may be changed.
        launcher: starts processes that end with the manager.
        ended: how many runs have ended in this life of the manager, by cause.
    """

    def __init__(self, settings: RunSettings, versions: Versions) -> None:
        self.permits = Permits(settings.permits)
        self._settings = settings
        self._versions = versions
        self._results = Results(settings.journal)
        self.launcher = Launcher(settings.cache)
        surroundings = Surroundings(settings.journal, runners=settings.runners)
        if settings.modules is not None:
            surroundings = replace(surroundings, modules=settings.modules)
        self._executors = Executors(self.launcher, surroundings)
        self._events = EventBoard()
        self.ended: Counter[str] = Counter()
        self._live: dict[int, Run] = {}
        self._retention = Retention(self._results)
        self._last_id = 0
        self._stopping = False

    async def __aenter__(self) -> Self:
        """Open the journal, load the executor.

        Raises:
            EnvironmentProblem, UsageError: one of them can't be.
        """
        try:
            (known, self._last_id), _ = await asyncio.gather(self._results.start(), self.launcher.start())
        except BaseException:
            await self._close()
            raise
        self._retention.start(known)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drain(0)
        await self._close()

    async def _close(self) -> None:
        await self._retention.close()
        await self.launcher.close()
        await self._results.close()
        self._events.end()

    async def start(self, order: RunOrder) -> int:
        """Accept a run and wait until it has started; its id. Cancelled while it is queued, the run is given up.

        Raises:
            UsageError: `no_executor_version_available`, or the order does not fit the executor.
            EnvironmentProblem: `too_many_runs`, `no_permit_in_time`, `manager_is_stopping`, `executor_failed_to_start`,
                or the journal can't be written. There is no such run then.
        """
        known = self._known(order.idempotency_key)
        if known is not None:
            return await asyncio.shield(known) if isinstance(known, asyncio.Future) else known
        if self._stopping:
            raise EnvironmentProblem(f"{STOPPING}: it takes no more runs")
        executor = self._versions.choose(order.major, order.timestamp)
        self._executors.check(order, executor)
        if len(self._live) >= self._settings.queue_max:
            raise EnvironmentProblem(f"{FULL}: {self._settings.queue_max} runs wait already; try again later")
        run = self._accept(order, executor)
        try:
            return await asyncio.shield(run.accepted)
        except asyncio.CancelledError:
            if order.idempotency_key is None and run.phase == "queued":
                run.stop("exited", 0)
            raise

    def status(self, run_id: int) -> RunStatus | None:
        """What is known of a run; None: nothing."""
        live = self._live.get(run_id)
        return self._retention.get(run_id) if live is None else live.status

    def executions(self) -> list[RunStatus]:
        """All runs that are known, oldest first."""
        return [*self._retention.all(), *(run.status for run in self._live.values())]

    @property
    def queued(self) -> int:
        """How many runs wait for permits."""
        return sum(run.phase == "queued" for run in self._live.values())

    def acknowledge(self, run_id: int) -> None:
        """Forget the result of a finished run; of others, nothing. The record stays in the journal."""
        if self._retention.get(run_id) is not None:
            self._retention.forget([run_id])

    def subscribe(self, run_id: int | None = None) -> Subscription:
        """Events from now on, of one run or of all; `aclose` it when done."""
        return self._events.subscribe(run_id)

    def module_log(self, kind: str, line: Mapping[str, Any]) -> None:
        """A line of a module's log: one that names a run (`run`, as text) becomes a part of that run's log."""
        named = str(line.get("run"))
        run = self._live.get(int(named)) if named.isascii() and named.isdigit() else None
        if run is not None and run.execution is not None:
            line = {"module": kind, **line}
            run.execution.log.add(line, len(str(line)))
            self._told(run, "log", line)

    async def cancel(self, run_id: int, wait_s: float) -> bool:
        """End a run: SIGTERM, and SIGKILL if it has not ended after `wait_s`. False: there is no such run.

        Returns when its end is stored; of a run that has ended already, at once.
        """
        run = self._live.get(run_id)
        if run is None:
            return self._retention.get(run_id) is not None
        run.stop("cancelled", wait_s)
        await run.ended.wait()
        return True

    async def drain(self, wait_s: float) -> None:
        """Take no more runs, give up those that are queued, let the others end for `wait_s`, then stop them."""
        self._stopping = True
        for run in [run for run in self._live.values() if run.phase == "queued"]:
            run.stop("shutdown", 0)
        if wait_s > 0:
            await self._all_ended(wait_s)
        for run in list(self._live.values()):
            run.stop("shutdown", self._settings.grace_s)
        await self._all_ended(None)

    async def _all_ended(self, wait_s: float | None) -> None:
        lives = [run.life for run in self._live.values() if run.life is not None]
        if lives:
            await asyncio.wait(lives, timeout=wait_s)

    def _known(self, key: str | None) -> int | asyncio.Future[int] | None:
        if key is None:
            return None
        for run in self._live.values():
            if run.order.idempotency_key == key:
                return run.accepted
        return self._retention.by_key(key)

    def _accept(self, order: RunOrder, executor: Executor) -> Run:
        self._last_id += 1
        tx = transaction_of(order.host_data).hex()
        status = RunStatus(
            self._last_id, executor.version, datetime.now(UTC), None, None, None, tx, order.idempotency_key
        )
        run = Run(order, executor, status, asyncio.get_running_loop().create_future())
        self._live[status.run_id] = run
        run.life = asyncio.create_task(self._life(run), name=f"run {status.run_id}")
        run.life.add_done_callback(lambda _: self._leave(run))
        return run

    async def _life(self, run: Run) -> None:
        run_id = run.status.run_id
        try:
            await self._results.accept(run.status)
            self._events.tell(RunEvent(run_id, "queued"))
            exit_code = await self._execute(run)
            await self._end(run, exit_code)
        except asyncio.CancelledError:
            if run.cause == "cancelled":
                await self._end(run, None)
            else:
                self._refuse(run, EnvironmentProblem(f"{STOPPING}: the run had not started"))
        except TimeoutError:
            self._refuse(
                run, EnvironmentProblem(f"{NO_PERMIT}: none was free for {self._settings.queue_s:g} s")
            )
        except ReplayError as error:
            self._refuse(run, error)
        except Exception as error:  # the top of a run: it must not take others along
            LOG.exception("run %d failed", run_id)
            self._refuse(run, EnvironmentProblem(f"internal_error: {type(error).__name__}"))

    def _leave(self, run: Run) -> None:
        """Its life is over; one that was stopped before it began has done nothing."""
        if not run.accepted.done():
            self._refuse(run, EnvironmentProblem(f"{STOPPING}: the run had not started"))
        self._live.pop(run.status.run_id, None)
        run.ended.set()

    async def _execute(self, run: Run) -> int | None:
        """Wait for permits, run; the exit code."""
        count = run.order.permits
        await self.permits.take(count, self._settings.queue_s)
        try:
            execution = await self._executors.start(
                run.status.run_id, run.order, run.executor, lambda stream, said: self._told(run, stream, said)
            )
            run.begin(execution)
            self._events.tell(RunEvent(run.status.run_id, "started"))
            try:
                return await run.watch(self._settings.grace_s)
            finally:
                execution.finish()
        finally:
            self.permits.give(count)

    async def _end(self, run: Run, exit_code: int | None) -> None:
        """Store how a run ended, then tell it."""
        finished = run.finished(exit_code)
        try:
            recorded_id = await self._results.finish(
                replace(run.status, finished=finished), run.record(exit_code)
            )
            finished = replace(finished, recorded_id=recorded_id)
        except ReplayError as error:
            finished = replace(finished, error=f"{NOT_RECORDED}: {error}")
            LOG.error("run %d: %s", run.status.run_id, finished.error)
            with suppress(ReplayError):  # where the record was the reason
                await self._results.finish(replace(run.status, finished=finished), None)
        run.status = replace(run.status, finished=finished)
        del self._live[run.status.run_id]
        self._retention.keep(run.status)
        self.ended[finished.cause] += 1
        if not run.accepted.done():
            run.accepted.set_result(run.status.run_id)
        said = {"cause": finished.cause, "exit_code": finished.exit_code, "error": finished.error}
        self._events.tell(RunEvent(run.status.run_id, "finished", said))

    def _refuse(self, run: Run, error: ReplayError) -> None:
        """There is no such run: whoever waits is told why."""
        self._retention.forget([run.status.run_id])
        if not run.accepted.done():
            run.accepted.set_exception(error)
            run.accepted.exception()  # whoever waited may have gone

    def _told(self, run: Run, stream: str, said: Any) -> None:
        if stream == "log" and not run.order.capture_output:
            self._log(run, said)
        if self._events.watched(run.status.run_id):
            name = "line" if stream == "log" else "text"
            self._events.tell(RunEvent(run.status.run_id, "output", {"stream": stream, name: said}))

    def _log(self, run: Run, line: Mapping[str, Any]) -> None:
        """A line that nobody captures, for the manager's log; no run may fill the disk with it."""
        if run.logged <= LOG_BYTES_MAX:
            run.logged += LINE_BYTES + len(str(line))
            over = {"level": "warning", "message": "the rest of this run's log is left out: it is too long"}
            self._settings.on_log(run.status.run_id, line if run.logged <= LOG_BYTES_MAX else over)
