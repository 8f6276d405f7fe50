"""The options that say how a command's runs find and ask the modules, and what is opened for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from genvm_replay.cli.output import printable
from genvm_replay.errors import UsageError
from genvm_replay.host_bridge.modules import ADDRESSES, LLM, WEB

if TYPE_CHECKING:
    from genvm_replay.replay.local_modules import Asking

MODULE_VARIABLES: Final = {LLM: "GENVM_REPLAY_LLM", WEB: "GENVM_REPLAY_WEB"}
CASSETTE_MODES: Final = ("once", "none", "new-episodes", "all")
UNUSED_SHOWN_MAX: Final = 10
Command = TypeVar("Command", bound=Callable[..., Any])


def module_options() -> list[Callable[[Command], Command]]:
    """The options of commands whose runs ask modules."""
    return [
        *(_address_option(module, variable) for module, variable in MODULE_VARIABLES.items()),
        click.option(
            "--modules",
            "modules_file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Start the modules for the time of this command: YAML with the configuration of each under the keys "
            "llm and web. One that is not in it is at --llm or --web.",
        ),
        click.option(
            "--cassette",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Record what modules answer into this file, and play it from there.",
        ),
        click.option(
            "--cassette-mode",
            type=click.Choice(CASSETTE_MODES),
            help="once: record a new cassette, play an old one; none: play only; new-episodes: play, and record "
            "what is not there; all: record everything anew. [default: once]",
        ),
        click.option(
            "--keep-raw", is_flag=True, help="Journal what the modules' providers answered, as it came."
        ),
    ]


def _address_option(module: str, variable: str) -> Callable[[Command], Command]:
    return click.option(
        f"--{module}",
        metavar="URL",
        envvar=variable,
        callback=read_module_address,
        help=f"Where nondeterministic blocks find the {module} module. [env: {variable}; default: {ADDRESSES[module]}]",
    )


def read_module_address(context: click.Context, parameter: click.Parameter, text: str | None) -> str:
    """Read the address of a module: `ws://` or `wss://`, a host, a port."""
    module = str(parameter.name)
    if not text:
        return ADDRESSES[module]
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter(
            f"{text!r} is no address of a module, such as {ADDRESSES[module]}", ctx=context, param=parameter
        )
    return text


@dataclass(frozen=True, slots=True)
class ModuleChoice:
    """What the options say; by default that no module may be asked."""

    addresses: Mapping[str, str] = field(default_factory=dict)
    modules_file: Path | None = None
    cassette: Path | None = None
    cassette_mode: str | None = None
    keep_raw: bool = False

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> ModuleChoice:
        """Take them out of a command's options.

        Raises:
            UsageError: they contradict each other.
        """
        addresses = {name: options.pop(name) for name in ADDRESSES}
        names = ("modules_file", "cassette", "cassette_mode", "keep_raw")
        choice = cls(addresses, *(options.pop(name) for name in names))
        if choice.cassette_mode and choice.cassette is None:
            raise UsageError("--cassette-mode: name the cassette with --cassette FILE")
        return choice

    @contextmanager
    def opened(self) -> Iterator[tuple[Mapping[str, str], Asking]]:
        """Addresses by module, and how they are asked; for the time of a context.

        Raises:
            UsageError: a file is not what it should be.
            EnvironmentProblem: it can't be read or written.
        """
        from genvm_replay.replay.local_modules import Asking

        with ExitStack() as stack:
            addresses = self.addresses
            if self.modules_file is not None:
                from genvm_replay.cli.launched_modules import LaunchedModules

                addresses = stack.enter_context(LaunchedModules(self.modules_file, addresses))
            if self.cassette is None:
                yield addresses, Asking(keep_raw=self.keep_raw)
                return
            from genvm_replay.modules.cassette_file import open_cassette

            mode: Any = self.cassette_mode or CASSETTE_MODES[0]
            cassette = stack.enter_context(open_cassette(self.cassette, mode))
            yield addresses, Asking(keep_raw=self.keep_raw, through=cassette.through)
            unused = [f"{number} ({printable(one.name)})" for number, one in cassette.unused()]
            if self.cassette_mode == "none" and unused:
                shown = ", ".join(unused[:UNUSED_SHOWN_MAX])
                more = f" and {len(unused) - UNUSED_SHOWN_MAX} more" if len(unused) > UNUSED_SHOWN_MAX else ""
                click.echo(
                    f"note: the cassette has episodes that were not asked for: {shown}{more}", err=True
                )
