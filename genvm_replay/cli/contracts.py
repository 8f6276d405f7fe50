"""`schema`: what a contract offers, without deploying it. `sdk-path`: where editors find what contracts import."""

from __future__ import annotations

import json
from pathlib import Path

import click

import genvm_replay
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


@click.command("sdk-path")
@shared_options(db=False)
@pass_settings
def sdk_path(settings: Settings) -> None:
    """Print the folder of the Python SDK that contracts import, for editors and type checkers.

    For mypy it is MYPYPATH, for pyright and VS Code `extraPaths`, for a Python outside of the VM PYTHONPATH. The SDK is
    typed. What needs a host, storage and messages for instance, fails there with an error that says so.
    """
    folder = str(Path(genvm_replay.__file__).parent / "guest")
    if settings.json:
        emit({"path": folder})
    else:
        click.echo(folder)
