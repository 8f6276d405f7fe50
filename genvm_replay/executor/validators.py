"""Validator functions of nondeterministic blocks, run in the background (spec/executor.md 5.3).

One worker takes them in order while the deterministic VM goes on; the queue is bounded, so a contract that spawns
blocks without end waits. After the first disagreement the rest is skipped: only the smallest number is ever reported.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from typing import Final

from .guest_thread import guest_stack_thread
from .outcome import Outcome
from .stops import InternalFailure
from .vm_plan import VmPlan

QUEUE_MAX: Final = 100
AGREEMENT: Final = b"\x10"  # calldata true; anything else disagrees


class ValidatorQueue:
    """The validators of one run. `finish` waits for them.

    Attributes:
        disagreement: the first block that was rejected.
        interrupted: one was stopped from outside, so its rejection is no opinion.
    """

    def __init__(self, run: Callable[[VmPlan], Outcome]) -> None:
        self._run = run
        self._tasks: Queue[tuple[int, VmPlan] | None] = Queue(QUEUE_MAX)
        self._started = False
        self._failure: BaseException | None = None
        self.disagreement: int | None = None
        self.interrupted = False

    def put(self, call_no: int, plan: VmPlan) -> None:
        """Queue a validator; waits while the queue is full."""
        if not self._started:
            self._started = True
            self._thread = guest_stack_thread(self._work, "validators")
        self._tasks.put((call_no, plan))

    def finish(self) -> int | None:
        """Wait for all; the number of the first block that a validator disagreed with, None if all agree.

        Raises:
            Divergence, InternalFailure ...: what ended a validator that came to no verdict.
        """
        if self._started:
            self._tasks.put(None)
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self.disagreement

    def _work(self) -> None:
        while task := self._tasks.get():
            if self.disagreement is None and self._failure is None:
                self._judge(*task)

    def _judge(self, call_no: int, plan: VmPlan) -> None:
        try:
            outcome = self._run(plan)
        except BaseException as error:
            self._failure = error
            return
        self.interrupted |= outcome.interrupted
        if outcome.kind == "internal_error":
            self._failure = InternalFailure(outcome.payload.decode(errors="replace"))
        elif (outcome.kind, outcome.payload) != ("return", AGREEMENT):
            self.disagreement = call_no
