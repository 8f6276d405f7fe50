"""`genvm warm`: the command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from ...errors import EnvironmentProblem
from ...forking.link import SOCKET_VARIABLE
from ..context import Settings, pass_settings, shared_options


@click.command()
@click.option(
    "--socket",
    "path",
    metavar="PATH",
    required=True,
    help=f"Where to listen; [env: {SOCKET_VARIABLE}] of `genvm run`.",
)
@shared_options(db=False)
@pass_settings
def warm(settings: Settings, path: str) -> None:
    """Keep the runtime loaded, and let each `genvm run` of this user start from it.

    A run goes to the process whose socket GENVM_WARM names, and does its work itself where none answers.
    Stop it with SIGTERM or Ctrl-C.
    """
    if not sys.platform.startswith("linux"):
        raise EnvironmentProblem("genvm warm works on Linux only; genvm run works without it")
    from ...executor.engine import Build
    from ...executor.python_runtime.runtime import shared_runtime
    from ...forking.server import ForkServer, reserve_numbers

    reserve_numbers()
    shared_runtime(settings.cache_folder()).make_ready(Build.EPOCH)
    load_code()
    server = ForkServer(Path(path), work)
    click.echo(f"ready: {SOCKET_VARIABLE}={path}")
    server.serve()


def load_code() -> None:
    """Import what `genvm run` imports on its way."""
    from ...host_bridge import client, module_client
    from ...replay import node_run, print_text
    from .. import genvm_run

    _ = client, module_client, node_run, genvm_run, print_text


def work(arguments: list[str]) -> NoReturn:
    """Do one command line of `genvm`."""
    from ..genvm import program
    from ..program import run

    sys.argv = ["genvm", *arguments]
    run(program)
