"""Opens what commands work with: the journal and the Python runtime. Shows the waiting of a first start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from genvm_replay.cli.context import Settings
from genvm_replay.cli.progress import StepDisplay

if TYPE_CHECKING:
    from genvm_replay.executor.engine import Build
    from genvm_replay.executor.python_runtime.runtime import PythonRuntime
    from genvm_replay.journal.database_store import DatabaseStore
    from genvm_replay.journal.store import Store
    from genvm_replay.replay.workbench import Workbench

Result = TypeVar("Result")


@contextmanager
def open_store(settings: Settings, *, to_write: bool = False) -> Iterator[DatabaseStore]:
    """Open the journal.

    Args:
        to_write: create it where there is none; refuse one that can't be written before anything is run.
    """
    from genvm_replay.errors import EnvironmentProblem
    from genvm_replay.journal.database import database_path, open_database

    url = settings.database()
    path = database_path(url)
    with open_database(url, read_only=not to_write and (path is None or not path.exists())) as store:
        if to_write and store.read_only:
            raise EnvironmentProblem(f"{store.name}: it can't be written; check the permissions of it")
        yield store


def make_bench(
    settings: Settings, store: Store, builds: Sequence[Build], *, runners_dir: Path | None = None
) -> Workbench:
    """Tools to run contracts with; see `make_runtime`."""
    from genvm_replay.replay.workbench import Workbench

    runtime = make_runtime(settings, builds)
    return Workbench(store, lambda: runtime, runners_dir=runners_dir)


def make_runtime(settings: Settings, builds: Sequence[Build]) -> PythonRuntime:
    """Make the Python runtime ready, with progress for people.

    Args:
        builds: compiled now where the cache has none, so that nobody waits for it later.
    """
    from genvm_replay.executor.python_runtime.runtime import PythonRuntime

    def make_ready(progress: StepDisplay) -> PythonRuntime:
        runtime = PythonRuntime(settings.cache_folder(), progress)
        for build in builds:
            runtime.program(build)
        runtime.image_for({}, "sdk")
        return runtime

    with StepDisplay() as progress:
        return interruptible(lambda: make_ready(progress))


def interruptible(work: Callable[[], Result]) -> Result:
    """Do work that may stay inside the compiler for seconds; Ctrl-C does not wait for it."""
    future: Future[Result] = Future()

    def on_thread() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=on_thread, daemon=True).start()
    return future.result()
