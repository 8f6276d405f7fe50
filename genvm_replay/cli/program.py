"""A program of several commands: finds them by a table, imports each when it is asked for, ends with its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from genvm_replay.cli.errors import USAGE, guarded

HELP_WIDTH: Final = 100
DECIMAL_DIGITS_MAX: Final = 100_000  # of an integer that is read or printed; Python's own limit is 4300
RECURSION_MAX: Final = 5_000  # frames; calldata nests up to 512 deep, several frames a level


class Program(click.Group):
    """A group whose commands live in other modules.

    Attributes:
        table: name of a command -> `module:attribute`.
    """

    table: Mapping[str, str] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order in which one meets them."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without any word the help is what one wants to see, but nothing was done."""
        if not args:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(USAGE)
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run a command line; ends in SystemExit with one of `errors.EXIT_CODES`, never in another exception."""
        arguments = list(sys.argv[1:] if args is None else args)
        name = prog_name or self.name or "genvm-replay"
        color = False if os.environ.get("NO_COLOR") else None  # None: colours on a terminal
        self._main_shell_completion(extra, name, complete_var)

        def work() -> None:
            with self.make_context(name, list(arguments), **extra, color=color) as context:
                self.invoke(context)

        sys.exit(guarded(work, as_json="--json" in arguments))


def run(program: Program) -> NoReturn:
    """Run a program as a process of its own.

    Ends the process at once: a guest that was interrupted may still be computing on its thread, and would keep an
    ordinary end waiting.
    """
    sys.set_int_max_str_digits(DECIMAL_DIGITS_MAX)
    sys.setrecursionlimit(RECURSION_MAX)
    try:
        program.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a process can be started without
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)
