"""`serve`: the manager as a service (docs/manager.md)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

import genvm_replay
from genvm_replay.cli.context import CACHE_VARIABLE, DB_VARIABLE, Settings, pass_settings, shared_options
from genvm_replay.cli.replays import runners_option
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.manager.config import ServeConfig
    from genvm_replay.manager.parts import Manager

TOKEN_VARIABLE: Final = "GENVM_REPLAY_TOKEN"
TOKEN_BYTES_MAX: Final = 4096
_file: Final = click.Path(dir_okay=False, path_type=Path)
_folder: Final = click.Path(file_okay=False, path_type=Path)


class Executables(NamedTuple):
    """What runs transactions, beside our own executor."""

    root: Path | None
    reroute_to: str | None
    runners: Path | None


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen. [default: 127.0.0.1]")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), help="0: any free one. [default: 3999]")
@click.option(
    "--config", "config_file", metavar="FILE", type=_file, help="Settings in YAML; options count more."
)
@click.option(
    "--manifest",
    "--manifest-path",
    "manifest_path",
    metavar="FILE",
    type=_file,
    help="Executor versions, in YAML.",
)
@click.option(
    "--executors", metavar="DIR", type=_folder, help="Holds executor/vX.Y.Z/bin/genvm of other executors."
)
@click.option("--reroute-to", metavar="VERSION", help="One executor for all runs: a folder's name, or own.")
@click.option("--llm-config", metavar="FILE", type=_file, help="Of the LLM module, where a start gives none.")
@click.option("--web-config", metavar="FILE", type=_file, help="Of the web module, where a start gives none.")
@click.option(
    "--permits",
    metavar="N",
    type=click.IntRange(2, 4096),
    help="A run takes two, one that follows the leader one. [default: by free memory]",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=_file,
    help=f"Ask for the token in it. [env, the token: {TOKEN_VARIABLE}]",
)
@click.option(
    "--allowed-host", "allowed_hosts", metavar="NAME", multiple=True, help="A name of this host; repeatable."
)
@click.option(
    "--allow-env",
    "allowed_env",
    metavar="PATTERN",
    multiple=True,
    help="Also let callers set such variables.",
)
@click.option(
    "--max-body", metavar="BYTES", type=click.IntRange(1024), help="Largest request. [default: 64 MiB]"
)
@click.option(
    "--drain",
    metavar="SECONDS",
    type=click.FloatRange(0, 86400),
    help="How long runs may go on at the end. [default: 30]",
)
@click.option(
    "--jobs", metavar="N", type=click.IntRange(1, 64), help="Replays and reports at once. [default: 2]"
)
@click.option(
    "--job-seconds",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 86400),
    help="Limit of each. [default: 120]",
)
@click.option("--log-level", metavar="LEVEL", help="trace, debug, info, warn or error. [default: info]")
@click.option("--die-with-parent", is_flag=True, help="Stop when the process that started this one ends.")
@runners_option
@shared_options()
@pass_settings
def serve(
    settings: Settings,
    /,
    config_file: Path | None,
    executors: Path | None,
    reroute_to: str | None,
    die_with_parent: bool,
    runners_dir: Path | None,
    **given: Any,
) -> None:
    """Serve the API of the manager: modules, transactions, replays.

    Prints {"event": "ready", "address": URL} when it listens; its log is on standard error. SIGTERM or Ctrl-C ends it
    when running transactions have ended. Listens on this machine only, unless --host says otherwise; others need a
    token then.
    """
    from genvm_replay.manager.config import ServeConfig, read_config
    from genvm_replay.manager.logs import start_log

    config = read_config(config_file) if config_file else ServeConfig()
    for name, value in given.items():
        if value not in (None, ()):
            setattr(config, name, value)
    token = _token(config)
    start_log(config.log_level)
    executables = Executables(executors, reroute_to, runners_dir)
    asyncio.run(_serve(settings, config, token, executables, with_parent=die_with_parent))


def _token(config: ServeConfig) -> str | None:
    """The token that callers must have, from a file or the environment.

    Raises:
        UsageError: it can't be read or is too short, or one is needed.
    """
    from genvm_replay.manager.auth import TOKEN_CHARS_MIN, is_loopback

    token = os.environ.pop(TOKEN_VARIABLE, "").strip()  # so that nothing that is started here inherits it
    if config.token_file is not None:
        try:
            token = Path(config.token_file).read_bytes()[:TOKEN_BYTES_MAX].decode("ascii").strip()
        except OSError as error:
            raise UsageError(f"can't read the token file {config.token_file}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"the token in {config.token_file} is not ASCII text") from error
    if (token or config.token_file is not None) and len(token) < TOKEN_CHARS_MIN:
        raise UsageError(f"the token has less than {TOKEN_CHARS_MIN} characters")
    if not token and not is_loopback(config.host):
        raise UsageError(
            f"{config.host} can be reached from other machines: give --token-file, or {TOKEN_VARIABLE}"
        )
    return token or None


async def _serve(
    settings: Settings,
    config: ServeConfig,
    token: str | None,
    executables: Executables,
    *,
    with_parent: bool,
) -> None:
    """Open everything, serve, close everything."""
    from genvm_replay.manager.auth import Doorkeeper
    from genvm_replay.manager.service import create_app
    from genvm_replay.manager.serving import serve as serve_app

    url = settings.database()
    async with AsyncExitStack() as stack:
        manager = await _open(stack, settings, config, executables)
        app = create_app(
            manager,
            doorkeeper=Doorkeeper([config.host, *config.allowed_hosts], token),
            private=_private(url, settings),
            body_bytes_max=config.max_body,
        )
        await serve_app(
            app,
            config.host,
            config.port,
            drain_seconds=config.drain,
            ready=_tell_ready,
            with_parent=with_parent,
        )


async def _open(
    stack: AsyncExitStack, settings: Settings, config: ServeConfig, executables: Executables
) -> Manager:
    from genvm_replay.cli.queries import run_filter
    from genvm_replay.cli.stored_view import event_json, run_json
    from genvm_replay.journal.database import open_database
    from genvm_replay.manager.environment import ALLOWED, Environment
    from genvm_replay.manager.jobs import Jobs, Limits
    from genvm_replay.manager.journal_reader import JournalReader
    from genvm_replay.manager.logs import log_line
    from genvm_replay.manager.module_processes import ModuleProcesses
    from genvm_replay.manager.parts import Manager, Views
    from genvm_replay.manager.runs import Runs, RunSettings
    from genvm_replay.manager.versions import Versions

    url, cache = settings.database(), settings.cache_folder()
    os.environ.pop(DB_VARIABLE, None)  # it may hold a password; what is started here is told the journal
    with open_database(url) as store:  # makes or migrates it, once
        store.database.refuse_read_only()
    manifest = None if config.manifest_path is None else Path(config.manifest_path)
    versions = Versions(executables.root, manifest, reroute_to=executables.reroute_to)
    runners = None if executables.runners is None else str(executables.runners)

    def addresses() -> Mapping[str, str]:  # of modules that run from what runs start from
        return modules.addresses()

    run_settings = RunSettings(url, cache, config.permits, modules=addresses, runners=(runners, None))
    runs = await stack.enter_async_context(Runs(run_settings, versions))

    def hear(kind: str, line: Mapping[str, Any]) -> None:
        log_line(f"module.{kind}", line)
        runs.module_log(kind, line)

    defaults = {"llm": config.llm_config, "web": config.web_config}
    files = {kind: Path(file) for kind, file in defaults.items() if file is not None}
    modules = ModuleProcesses(runs.launcher, defaults=files, on_log=hear)
    stack.push_async_callback(modules.close)
    limits = Limits(config.jobs, seconds=config.job_seconds)
    variables = os.environ | {CACHE_VARIABLE: str(cache)}
    return Manager(
        runs=runs,
        modules=modules,
        versions=versions,
        jobs=await stack.enter_async_context(Jobs(limits, variables, cache)),
        journal=await stack.enter_async_context(JournalReader(url)),
        environment=Environment(os.environ, (*ALLOWED, *config.allowed_env)),
        views=Views(run_json, event_json, run_filter),
        llm_check=_check_llm,
    )


async def _check_llm(configs: Any, prompts: Any, variables: Any) -> Any:
    from genvm_replay.modules.llm.check import check

    return await check(configs, prompts, variables)


def _private(url: str, settings: Settings) -> list[str]:
    """Folders and files whose names stay here."""
    from genvm_replay.journal.database import database_path

    journal = database_path(url)
    places = [Path.home(), Path.cwd(), Path(tempfile.gettempdir()), settings.cache_folder(), Path(sys.prefix)]
    places += [Path(genvm_replay.__file__).parent, *([] if journal is None else [journal, journal.parent])]
    return [str(place) for place in places if place != Path("/")] + ([url] if journal is None else [])


def _tell_ready(address: str) -> None:
    click.echo(json.dumps({"event": "ready", "address": address}))
    sys.stdout.flush()
