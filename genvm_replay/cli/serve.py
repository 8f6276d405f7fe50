"""`serve`: the manager as a service (docs/manager.md)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.replays import runners_option

TOKEN_VARIABLE: Final = "GENVM_REPLAY_TOKEN"
_file: Final = click.Path(dir_okay=False, path_type=Path)
_folder: Final = click.Path(file_okay=False, path_type=Path)


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
    "--plain-statuses",
    is_flag=True,
    default=None,
    help="Answer every failure with status 500, or 404, as the peer's documents say.",
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
    from genvm_replay.cli.serving import Places, serve_all
    from genvm_replay.manager.auth import read_token
    from genvm_replay.manager.config import ServeConfig, read_config
    from genvm_replay.manager.logs import start_log

    config = read_config(config_file) if config_file else ServeConfig()
    for name, value in given.items():
        if value not in (None, ()):
            setattr(config, name, value)
    token = read_token(
        Path(config.token_file) if config.token_file else None,
        os.environ.pop(TOKEN_VARIABLE, ""),  # so that nothing that is started here inherits it
        config.host,
    )
    start_log(config.log_level)
    places = Places.of(settings, executors, reroute_to, runners_dir)
    asyncio.run(serve_all(places, config, token, with_parent=die_with_parent))
