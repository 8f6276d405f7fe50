"""The program `genvm-replay`: its commands, and the options that all of them share."""

from __future__ import annotations

from typing import Final, NoReturn

import click

from genvm_replay import __version__
from genvm_replay.cli.context import shared_options
from genvm_replay.cli.errors import EXIT_CODES_HELP
from genvm_replay.cli.program import HELP_WIDTH, Program, run

COMMANDS: Final = {
    "demo": "genvm_replay.cli.demo.command:demo",
    "deploy": "genvm_replay.cli.transactions:deploy",
    "call": "genvm_replay.cli.transactions:call",
    "schema": "genvm_replay.cli.contracts:schema",
    "lint": "genvm_replay.cli.lint:lint",
    "sdk-path": "genvm_replay.cli.contracts:sdk_path",
    "runs": "genvm_replay.cli.inspect:runs",
    "show": "genvm_replay.cli.inspect:show",
    "replay": "genvm_replay.cli.replays:replay",
    "report": "genvm_replay.cli.report:report",
    "triage": "genvm_replay.cli.triage:triage",
    "validate": "genvm_replay.cli.roles:validate",
    "sync": "genvm_replay.cli.roles:sync",
    "appeal": "genvm_replay.cli.roles:appeal",
    "rounds": "genvm_replay.cli.rounds:rounds",
    "at": "genvm_replay.cli.clock:at",
    "bisect": "genvm_replay.cli.partings:bisect",
    "what-if": "genvm_replay.cli.what_if:what_if",
    "decisive": "genvm_replay.cli.what_if:decisive",
    "minimise": "genvm_replay.cli.minimise:minimise",
    "verify": "genvm_replay.cli.replays:verify",
    "diff": "genvm_replay.cli.diff:diff",
    "prove": "genvm_replay.cli.proofs:prove",
    "verify-proof": "genvm_replay.cli.proofs:verify_proof",
    "sign": "genvm_replay.cli.amend:sign",
    "redact": "genvm_replay.cli.amend:redact",
    "export": "genvm_replay.cli.archives:export",
    "import": "genvm_replay.cli.archives:import_",
    "prune": "genvm_replay.cli.archives:prune",
    "query": "genvm_replay.cli.queries:query",
    "modules": "genvm_replay.cli.modules:modules",
    "serve": "genvm_replay.cli.serve:serve",
    "db": "genvm_replay.cli.databases:db",
    "prepare": "genvm_replay.cli.runtime:prepare",
}


class GenvmReplay(Program):
    """The commands of `genvm-replay`."""

    table = COMMANDS


@click.group(
    "genvm-replay",
    cls=GenvmReplay,
    epilog=EXIT_CODES_HELP,
    context_settings={"max_content_width": HELP_WIDTH},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@shared_options(environment=True)
def program() -> None:
    """Run GenVM intelligent contracts, journal every crossing of the VM boundary, and replay any run bit for bit.

    Start with `genvm-replay demo`. --db, --cache and --json work before and after the name of a command.
    """


def main() -> NoReturn:
    """Run as a program."""
    run(program)
