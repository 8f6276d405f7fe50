"""What commands share: the options `--db`, `--cache` and `--json`, in any position, and the tools opened from them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    pass

DB_VARIABLE: Final = "GENVM_REPLAY_DB"
RUNNERS_VARIABLE: Final = "GENVM_REPLAY_RUNNERS"
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


def shared_options(*, db: bool = True, environment: bool = False) -> Callable[[Command], Command]:
    """Add the options that all commands share; they work before and after the command's name.

    Args:
        db: the command uses the journal; else the option is accepted, but means nothing.
        environment: read the environment's variables; for the program itself, so that an option of it is not
            overruled by a variable.
    """

    def add(command: Command) -> Command:
        shown = "Print JSON instead of text."
        command = _option("--json", is_flag=True, default=None, help=shown)(command)
        command = _option(
            "--cache",
            metavar="DIR",
            envvar=CACHE_VARIABLE if environment else None,
            help=f"Folder of the prepared Python runtime. [env: {CACHE_VARIABLE}; default: the user's cache]",
        )(command)
        command = _option(
            "--db",
            metavar="URL",
            hidden=not db,
            envvar=DB_VARIABLE if environment else None,
            help="Journal: a path, sqlite:///path or postgresql://user@host/database."
            f" [env: {DB_VARIABLE}; default: the user's data folder]",
        )(command)
        return command

    return add


def _option(name: str, **attributes: Any) -> Callable[[Command], Command]:
    return click.option(name, expose_value=False, callback=_remember, **attributes)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    settings = context.ensure_object(Settings)
    if value is not None:
        setattr(settings, str(parameter.name), value)
