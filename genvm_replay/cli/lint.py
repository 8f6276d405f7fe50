"""`lint`: common mistakes in a contract, found by reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from genvm_replay.cli.arguments import read_contract
from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.output import emit, printable
from genvm_replay.lint.finding import CHECKS

CHECKS_HELP: Final = "; ".join(f"{name}: {meaning}" for name, meaning in CHECKS.items())


@click.command(epilog=f"Checks: {CHECKS_HELP}.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@shared_options(db=False)
@pass_settings
@click.pass_context
def lint(context: click.Context, settings: Settings, files: tuple[Path, ...]) -> None:
    """Look for common mistakes in Python contracts, without running them.

    Each finding has file, line, check, what is wrong and what to do. With --json each is one object on a line of its
    own. Exit code 1 if there is any, 0 if there is none.
    """
    from genvm_replay.lint.source import lint as check

    count = 0
    for file in files:
        for finding in check(read_contract(file)):
            count += 1
            told = {"file": str(file), "line": finding.line, "check": finding.check}
            told |= {"what": finding.what, "fix": finding.fix}
            if settings.json:
                emit(told)
            else:
                place = click.style(f"{file}:{finding.line}", bold=True)
                click.echo(
                    f"{place}: {finding.check}: {printable(finding.what)}\n    {printable(finding.fix)}"
                )
    if count:
        context.exit(FAILED)
    if not settings.json:
        click.echo("no findings", err=True)
