"""What commands share: the options `--db`, `--cache` and `--json`, in any position, and the tools opened from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from genvm_replay.executor.engine import Build
    from genvm_replay.executor.python_runtime.runtime import PythonRuntime
    from genvm_replay.journal.store import Store
    from genvm_replay.replay.workbench import Workbench

DB_VARIABLE: Final = "GENVM_REPLAY_DB"
CACHE_VARIABLE: Final = "GENVM_REPLAY_CACHE"
BUILDS: Final = ("fast", "epoch", "fuel", "pulley")

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Settings:
    """What the shared options say; the last one given counts."""

    db: str | None = None
    cache: str | None = None
    json: bool = False

    def database(self) -> str:
        """Path or URL of the journal."""
        if self.db:
            return self.db
        from platformdirs import user_data_path

        return str(user_data_path("genvm-replay") / "journal.db")

    def cache_folder(self) -> Path:
        """Where the prepared runtime lies."""
        from genvm_replay.executor.python_runtime.cache import default_cache

        return Path(self.cache).expanduser().absolute() if self.cache else default_cache(os.environ)


pass_settings = click.make_pass_decorator(Settings, ensure=True)


def shared_options(
    *, db: bool = True, json: bool = True, environment: bool = False
) -> Callable[[Command], Command]:
    """Add the options that all commands share; they work before and after the command's name.

    Args:
        environment: read the environment's variables; for the program itself, so that an option of it is not
            overruled by a variable.
    """

    def add(command: Command) -> Command:
        if json:
            command = _option("--json", is_flag=True, default=None, help="Print JSON instead of text.")(
                command
            )
        command = _option(
            "--cache",
            metavar="DIR",
            envvar=CACHE_VARIABLE if environment else None,
            help=f"Folder of the prepared Python runtime. [env: {CACHE_VARIABLE}; default: the user's cache]",
        )(command)
        if db:
            command = _option(
                "--db",
                metavar="URL",
                envvar=DB_VARIABLE if environment else None,
                help=f"Journal: a path, or sqlite:///path. [env: {DB_VARIABLE}; default: the user's data folder]",
            )(command)
        return command

    return add


def _option(name: str, **attributes: Any) -> Callable[[Command], Command]:
    return click.option(name, expose_value=False, callback=_remember, **attributes)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    settings = context.ensure_object(Settings)
    if value is not None:
        setattr(settings, str(parameter.name), value)


@contextmanager
def open_store(settings: Settings, *, to_write: bool = False) -> Iterator[Store]:
    """Open the journal.

    Args:
        to_write: create it where there is none; refuse one that can't be written before anything is run.
    """
    from genvm_replay.errors import EnvironmentProblem
    from genvm_replay.journal.database import database_path, open_database

    path = database_path(settings.database())
    with open_database(path, read_only=not to_write and not path.exists()) as store:
        if to_write and store.database.read_only:
            raise EnvironmentProblem(
                f"{path}: it can't be written; check the permissions of the file and its folder"
            )
        yield store


@contextmanager
def open_bench(settings: Settings, builds: Sequence[Build], *, to_write: bool = False) -> Iterator[Workbench]:
    """Open the journal and make the runtime ready, with progress for people.

    Args:
        builds: compiled now where the cache has none, so that no deadline of a run counts the waiting.
    """
    from genvm_replay.replay.workbench import Workbench

    with open_store(settings, to_write=to_write) as store, open_runtime(settings, builds) as runtime:
        yield Workbench(store, lambda: runtime)


@contextmanager
def open_runtime(settings: Settings, builds: Sequence[Build]) -> Iterator[PythonRuntime]:
    """Make the Python runtime ready, with progress for people; `builds` as in `open_bench`."""
    from genvm_replay.cli.progress import StepDisplay
    from genvm_replay.executor.python_runtime.runtime import PythonRuntime

    def make_ready(progress: StepDisplay) -> PythonRuntime:
        runtime = PythonRuntime(settings.cache_folder(), progress)
        for build in builds:
            runtime.program(build)
        runtime.image_for(b"", "sdk")
        return runtime

    with StepDisplay() as progress:
        runtime = interruptible(lambda: make_ready(progress))
    yield runtime


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
