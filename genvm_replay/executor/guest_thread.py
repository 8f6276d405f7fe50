"""The thread that guests run on: a big stack, and a caller that can stop them.

Nested VMs take native stack from the thread that runs them, 8 MiB and a bit each (docs/wasm-runtime.md, section 8), and
a guest that computes never lets Ctrl-C through; so guests run on a thread of their own and the caller waits.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from ..errors import EnvironmentProblem
from .engine import WASM_STACK_MAX
from .vm_plan import DEPTH_MAX

VM_STACK: Final = WASM_STACK_MAX + (1 << 19)  # what one VM may take, the frames around it included
STACK_BYTES: Final = (DEPTH_MAX + 3) * VM_STACK  # virtual: only what is touched counts
RECURSION_MAX: Final = 20_000  # Python frames: a nested VM takes about 20

Result = TypeVar("Result")


def guest_stack_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread with a stack that nested guests fit on."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_MAX))
    before = threading.stack_size(STACK_BYTES)
    try:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    return thread


class GuestThread:
    """One worker thread. Use from one caller at a time; `close` ends it."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = guest_stack_thread(self._work, "guest")

    def _work(self) -> None:
        while job := self._jobs.get():
            function, future = job
            try:
                check_float_environment()
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
            del job, function, future

    def run(
        self,
        function: Callable[[], Result],
        *,
        interrupt: Callable[[], None],
        time_left_s: Callable[[], float | None],
    ) -> Result:
        """Run `function` on the thread and give its result or raise what it raised.

        Args:
            interrupt: makes the guest stop soon; called from this thread when the deadline has passed, and on Ctrl-C.
            time_left_s: seconds until the deadline, as seen now; None for no limit.

        Raises:
            KeyboardInterrupt: Ctrl-C; the guest has been told to stop and is not waited for.
        """
        future: Future[Result] = Future()
        self._jobs.put((function, future))
        try:
            while True:
                try:
                    return future.result(time_left_s())
                except TimeoutError:
                    if future.done():
                        raise
                if time_left_s() == 0:
                    interrupt()
                    return future.result()
        except KeyboardInterrupt:
            interrupt()
            raise

    def close(self) -> None:
        """Let the thread end after its present job."""
        self._jobs.put(None)


def check_float_environment() -> None:
    """Check that no library has changed how this thread's CPU rounds (docs/wasm-runtime.md, section 5).

    Raises:
        EnvironmentProblem: subnormal numbers are flushed to zero, or rounding is not to nearest.
    """
    tiny, tenth, fifth = float("1e-308"), float("0.1"), float("0.2")
    if tiny * tenth == 0.0 or tenth + fifth != float("0.30000000000000004"):
        raise EnvironmentProblem(
            "a library in this process has changed the CPU's float mode (flush to zero, or rounding); "
            "guests would compute other results: run genvm-replay in a process without it"
        )
