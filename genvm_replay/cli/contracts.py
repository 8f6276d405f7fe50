"""`schema`: what a contract offers, without deploying it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from genvm_replay.cli.arguments import read_contract
from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.opening import make_runtime
from genvm_replay.cli.output import emit


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@shared_options(db=False)
@pass_settings
def schema(settings: Settings, file: Path) -> None:
    """Print the schema of the contract in FILE: what it offers.

    That is its constructor and its public methods, as JSON. Nothing is deployed or recorded.
    """
    from genvm_replay.executor.engine import Build

    code = read_contract(file)
    from genvm_replay.replay.schema import contract_schema

    found = json.loads(contract_schema(make_runtime(settings, [Build.EPOCH]), code))
    if settings.json:
        emit(found)
    else:
        click.echo(json.dumps(found, indent=2))
