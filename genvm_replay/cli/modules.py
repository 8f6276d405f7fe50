"""`modules`: the LLM and the web module as services. What they are is in `genvm_replay.modules`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from genvm_replay.cli.context import shared_options
from genvm_replay.errors import UsageError
from genvm_replay.host_bridge.modules import LLM, WEB

if TYPE_CHECKING:
    from genvm_replay.modules.config import ServiceConfig
    from genvm_replay.modules.session import Module

LOG_LEVELS: Final = ("error", "warn", "info", "debug", "trace")
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("modules")
@shared_options(db=False)
def modules() -> None:
    """Run the modules that answer nondeterministic blocks: language models and the web.

    They speak the protocol of GenLayer's deployed modules: WebSocket, calldata. Each is a service of its own, in the
    foreground. When it listens it prints one line, {"event": "ready", "address": "ws://..."}; its log is JSON, a line
    each, on standard error. SIGTERM and Ctrl-C end it: requests under way may go on for 20 seconds.
    """


def _service_options(command: Command) -> Command:
    options = (
        click.option(
            "--config",
            "path",
            metavar="FILE",
            required=True,
            type=click.Path(path_type=Path),
            help="The configuration, YAML; a file for both modules has the keys llm and web.",
        ),
        click.option(
            "--bind",
            metavar="HOST:PORT",
            callback=_read_bind,
            help="Where to listen; port 0 is any free one. [default: bind_address of the configuration]",
        ),
        click.option(
            "--die-with-parent", is_flag=True, help="End when the process that started this one ends."
        ),
        click.option(
            "--log-level",
            type=click.Choice(LOG_LEVELS),
            help="What to log. [default: log_level of the configuration]",
        ),
        shared_options(db=False),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _read_bind(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(
            f"{text!r} is no HOST:PORT such as 127.0.0.1:3031", ctx=context, param=parameter
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


@modules.command()
@click.option("--allow-empty-backends", is_flag=True, help="Start without a model: every prompt then fails.")
@_service_options
def llm(allow_empty_backends: bool, **options: Any) -> None:
    """Answer prompts, by the models of a configuration."""
    _serve(LLM, allow_empty_backends=allow_empty_backends, **options)


@modules.command()
@_service_options
def web(**options: Any) -> None:
    """Answer web requests, and render pages in a headless browser."""
    _serve(WEB, **options)


def _serve(
    name: str,
    path: Path,
    bind: tuple[str, int] | None,
    log_level: str | None,
    *,
    die_with_parent: bool,
    **special: bool,
) -> None:
    import asyncio

    from genvm_replay.modules.logs import log_to
    from genvm_replay.modules.service import ready_line, serve

    parent = os.getppid() if die_with_parent else None
    module, service = configured(name, path, **special)
    log_to(sys.stderr, log_level or service.log_level, service.log_disable)

    def ready(address: str) -> None:
        click.echo(ready_line(address))
        sys.stdout.flush()

    host, port = bind or service.bind_address
    asyncio.run(serve(module, host, port, ready=ready, parent=parent))


def configured(
    name: str, path: Path, **special: bool
) -> tuple[AbstractAsyncContextManager[Module], ServiceConfig]:
    """A module as a configuration wants it, not started yet, and what is common to both.

    Args:
        special: what only this module's configuration takes.

    Raises:
        UsageError: the configuration can't be read, or a key of it is off.
    """
    from genvm_replay.modules.config import read_config_file

    document, folder = section_of(read_config_file(path), name), path.absolute().parent
    if name == LLM:
        from genvm_replay.modules.llm.config import load_llm_config
        from genvm_replay.modules.llm.module import LlmModule

        for_llm = load_llm_config(document, os.environ, folder=folder, **special)
        return LlmModule(for_llm), for_llm.service
    from genvm_replay.modules.web.config import load_web_config
    from genvm_replay.modules.web.module import WebModule

    for_web = load_web_config(document, os.environ, folder=folder)
    return WebModule(for_web), for_web.service


def section_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The part of a module in a file for both; a file for one is that part itself."""
    if not document.keys() & {LLM, WEB}:
        return document
    part = document.get(name)
    if not isinstance(part, dict):
        raise UsageError(f"configuration: {name}: a map is wanted: the settings of the {name} module")
    return part
