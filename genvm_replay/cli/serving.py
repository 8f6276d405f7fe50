"""Puts the parts of the manager together: what `serve` opens, in which order, and closes again."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import genvm_replay
from genvm_replay.cli.context import CACHE_VARIABLE, DB_VARIABLE, RUNNERS_VARIABLE, Settings
from genvm_replay.cli.queries import run_filter
from genvm_replay.cli.stored_view import event_json, run_json
from genvm_replay.journal.database import database_path, open_database
from genvm_replay.manager.auth import Doorkeeper
from genvm_replay.manager.config import ServeConfig
from genvm_replay.manager.discretion import Discretion
from genvm_replay.manager.environment import ALLOWED, Environment
from genvm_replay.manager.jobs import Jobs, Limits
from genvm_replay.manager.journal_reader import JournalReader
from genvm_replay.manager.logs import log_line
from genvm_replay.manager.module_processes import ModuleProcesses
from genvm_replay.manager.parts import Manager, Views
from genvm_replay.manager.runs import Runs, RunSettings
from genvm_replay.manager.service import create_app
from genvm_replay.manager.serving import listen, serve
from genvm_replay.manager.versions import Versions


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is. Paths are absolute: processes that are started here work in another folder.

    Attributes:
        journal: path or URL.
        executors: other executors than our own; `reroute_to` is one of them.
        runners: official archives.
    """

    journal: str
    cache: Path
    executors: Path | None
    reroute_to: str | None
    runners: Path | None

    @classmethod
    def of(
        cls, settings: Settings, executors: Path | None, reroute_to: str | None, runners: Path | None
    ) -> Places:
        """As the options say, from the present folder."""
        url = settings.database()
        journal = str(database_path(url) or url)
        return cls(journal, settings.cache_folder(), _absolute(executors), reroute_to, _absolute(runners))

    def private(self) -> list[str]:
        """Folders and files whose names stay here."""
        code = Path(genvm_replay.__file__).parent
        places = [Path.home(), Path.cwd(), Path(tempfile.gettempdir()), self.cache, Path(sys.prefix), code]
        places += [place for place in (self.executors, self.runners) if place is not None]
        path = database_path(self.journal)
        places += [] if path is None else [path, path.parent]
        return [str(place) for place in places if place != Path("/")] + [self.journal]


async def serve_all(places: Places, config: ServeConfig, token: str | None, *, with_parent: bool) -> None:
    """Open everything, serve, close everything.

    Raises:
        UsageError, EnvironmentProblem: a part of it can't be opened.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(config.host, config.port))
        app = create_app(
            await open_manager(stack, places, config),
            doorkeeper=Doorkeeper([config.host, *config.allowed_hosts], token),
            body_bytes_max=config.max_body,
            plain_statuses=config.plain_statuses,
        )
        await serve(
            app,
            listener,
            drain_seconds=config.drain,
            ready=_tell_ready,
            with_parent=with_parent,
        )


async def open_manager(stack: AsyncExitStack, places: Places, config: ServeConfig) -> Manager:
    """Open the parts; the stack closes them."""
    os.environ.pop(DB_VARIABLE, None)  # it may hold a password; what is started here is told the journal
    with open_database(places.journal) as store:  # makes or migrates it, once
        store.database.refuse_read_only()
    manifest = None if config.manifest_path is None else Path(config.manifest_path)
    versions = Versions(places.executors, manifest, reroute_to=places.reroute_to)
    runners = {} if places.runners is None else {RUNNERS_VARIABLE: str(places.runners)}

    def addresses() -> Mapping[str, str]:  # of modules that run from what runs start from
        return modules.addresses()

    run_settings = RunSettings(
        places.journal,
        places.cache,
        config.permits,
        modules=addresses,
        runners=(runners.get(RUNNERS_VARIABLE), None),
    )
    runs = await stack.enter_async_context(Runs(run_settings, versions))
    modules = _modules(runs, config)
    stack.push_async_callback(modules.close)
    limits = Limits(config.jobs, seconds=config.job_seconds)
    variables = os.environ | {CACHE_VARIABLE: str(places.cache)} | runners
    return Manager(
        runs=runs,
        modules=modules,
        versions=versions,
        jobs=await stack.enter_async_context(Jobs(limits, variables, places.cache)),
        journal=await stack.enter_async_context(JournalReader(places.journal)),
        environment=Environment(os.environ, (*ALLOWED, *config.allowed_env)),
        views=Views(run_json, event_json, run_filter),
        llm_check=_check_llm,
        discreet=Discretion(places.private()),
    )


def _modules(runs: Runs, config: ServeConfig) -> ModuleProcesses:
    def hear(kind: str, line: Mapping[str, Any]) -> None:
        log_line(f"module.{kind}", line)
        runs.module_log(kind, line)

    defaults = {"llm": config.llm_config, "web": config.web_config}
    files = {kind: Path(file).absolute() for kind, file in defaults.items() if file is not None}
    return ModuleProcesses(runs.launcher, defaults=files, on_log=hear)


def _check_llm(
    configs: Sequence[Any], prompts: Sequence[Any], variables: Mapping[str, str]
) -> Awaitable[Sequence[Mapping[str, Any]]]:
    from genvm_replay.modules.llm.check import check  # loads what the service seldom needs

    return check(configs, prompts, variables)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _tell_ready(address: str) -> None:
    click.echo(json.dumps({"event": "ready", "address": address}))
    sys.stdout.flush()
