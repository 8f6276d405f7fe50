"""One run at work: its executor, its deadline, its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from ..errors import EnvironmentProblem
from .executors import Execution
from .orders import RunOrder
from .results import Cause, Finished, RunStatus
from .versions import Executor

Phase = Literal["queued", "running", "ending"]


@dataclass(slots=True, eq=False)
class Run:
    """A run that has not ended.

    Attributes:
        accepted: its id, once it has started or ended.
        life: the task that leads it from its acceptance to its end.
        logged: how much of its log the manager's has, in about bytes.
        ended: its end is stored and told.
    """

    order: RunOrder
    executor: Executor
    status: RunStatus
    accepted: asyncio.Future[int]
    phase: Phase = "queued"
    cause: Cause = "exited"
    execution: Execution | None = None
    life: asyncio.Task[None] | None = None
    logged: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, execution: Execution) -> None:
        """Its executor has been started."""
        self.execution, self.phase = execution, "running"
        now = datetime.now(UTC)
        deadline = now + timedelta(seconds=self.order.deadline_s)
        self.status = replace(self.status, started_at=now, strict_deadline=deadline)
        if not self.accepted.done():
            self.accepted.set_result(self.status.run_id)

    def stop(self, cause: Cause, grace_s: float) -> None:
        """End it: at once where it is queued, else by SIGTERM, and by SIGKILL after the grace."""
        if self.phase == "ending":
            return
        if self.cause == "exited":
            self.cause = cause
        if self.execution is None:
            assert self.life is not None
            self.phase = "ending"  # a second stop must not break off the storing of this end
            self.life.cancel()
            return
        assert self.execution.launched is not None
        if grace_s > 0:
            self.execution.launched.terminate()
        asyncio.get_running_loop().call_later(grace_s, self.execution.launched.kill)

    async def watch(self, grace_s: float) -> int | None:
        """Wait for the end of the executor, but no longer than the deadline; its exit code, None if nobody knows it."""
        assert self.execution is not None
        assert self.execution.launched is not None
        timer = asyncio.get_running_loop().call_later(self.order.deadline_s, self.stop, "deadline", grace_s)
        try:
            return await self.execution.launched.exited
        except EnvironmentProblem:
            return None
        finally:
            timer.cancel()
            self.phase = "ending"

    def finished(self, exit_code: int | None, error: str | None = None) -> Finished:
        """How it ended, now."""
        found = Finished(datetime.now(UTC), self.cause, exit_code, error=error or self._error(exit_code))
        work = self.execution
        if work is None or not self.order.capture_output:
            return found
        return replace(
            found, stdout=work.stdout.text(), stderr=work.stderr.text(), genvm_log=work.log.lines()
        )

    def record(self, exit_code: int | None) -> bytes | None:
        """What the executor recorded, if it came to an end of its own."""
        if self.execution is None or exit_code != 0 or not self.execution.record:
            return None
        return bytes(self.execution.record)

    def _error(self, exit_code: int | None) -> str | None:
        if exit_code == 0:
            ours = self.execution is not None and self.executor.program is None
            whole = not ours or self.record(exit_code) is not None
            return None if whole else "not_recorded: the record did not arrive, or was too large"
        word = "executor_crashed" if self.cause == "exited" else self.cause
        if self.execution is None:
            return f"{word}: it had not started"
        if exit_code is None:
            return f"{word}: the process that starts executors ended; no result is known"
        if exit_code < 0:
            return f"{word}: signal {-exit_code} ended the executor before it had handed over a result"
        return f"executor_failed: exit code {exit_code}; its log says why"
