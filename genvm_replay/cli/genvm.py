"""The program `genvm`: the commands by which a node drives an executor (spec/executor.md 1.4), as far as they go."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

import click

from genvm_replay import __version__
from genvm_replay.cli.arguments import CONTRACT_BYTES_MAX
from genvm_replay.cli.context import shared_options
from genvm_replay.cli.errors import EXIT_CODES_HELP
from genvm_replay.cli.program import HELP_WIDTH, Program, run
from genvm_replay.errors import UsageError

COMMANDS: Final = {
    "run": "genvm_replay.cli.genvm_run:run_command",
    "warm": "genvm_replay.cli.warm.command:warm",
    "precompile": "genvm_replay.cli.runtime:precompile",
    "parse-version-pattern": "genvm_replay.cli.genvm:parse_version_pattern",
}


class Genvm(Program):
    """The commands of `genvm`."""

    table = COMMANDS


@click.group("genvm", cls=Genvm, epilog=EXIT_CODES_HELP, context_settings={"max_content_width": HELP_WIDTH})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--config", metavar="PATH", help="YAML: addresses of the modules, folders of runners.")
@click.option(
    "--log-fd", metavar="N", type=int, default=2, show_default=True, help="Where log lines go, JSON each."
)
@click.option("--log-level", metavar="LEVEL", default="info", show_default=True)
@shared_options(db=False, environment=True)
def program(config: str | None, log_fd: int, log_level: str) -> None:
    """The executor as a node drives it."""


@click.command()
def parse_version_pattern() -> None:
    """Print the version that the contract on standard input asks for."""
    code = sys.stdin.buffer.read(CONTRACT_BYTES_MAX + 1)
    if len(code) > CONTRACT_BYTES_MAX:
        raise UsageError(f"larger than {CONTRACT_BYTES_MAX >> 20} MiB: no contract")
    click.echo(version_text(code), nl=False)


def version_text(code: bytes) -> str:
    """The text of a contract's `version` file, just as it stands there (spec/executor.md 6.1)."""
    from genvm_replay.executor.runners.forms import version_pattern
    from genvm_replay.executor.stops import VmError

    try:
        return version_pattern(code)
    except VmError as error:
        raise UsageError(f"not a contract: {error.cause or error}") from error


def main() -> NoReturn:
    """Run as a program."""
    run(program)
