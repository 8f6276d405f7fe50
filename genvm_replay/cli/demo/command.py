"""The command `demo`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.output import emit
from genvm_replay.errors import UsageError


@click.command()
@click.option(
    "--keep", metavar="DIR", type=click.Path(path_type=Path), help="Keep the journals, in this new folder."
)
@shared_options(db=False)
@pass_settings
@click.pass_context
def demo(context: click.Context, settings: Settings, keep: Path | None) -> None:
    """Record a contract, replay it, tamper with the record, get caught.

    Deploys and calls a bundled token ledger, replays all of it in a fresh process, then changes one byte of a copy and
    shows how that is found. Uses a journal of its own. Exit code 0 only if every run came out identical and the change
    was found where it was made.
    """
    from genvm_replay.cli.demo.acts import Demo

    with _folder(keep) as folder:
        acts = Demo(settings, folder)
        good = acts.perform()
    if settings.json:
        emit({"good": good, **acts.summary})
    else:
        if keep is not None:
            click.echo(
                f"The journals are in {keep}; look around: genvm-replay --db {keep / 'journal.db'} runs"
            )
        click.echo(click.style("All as it should be." if good else "NOT as it should be.", bold=True))
    if not good:
        context.exit(FAILED)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder that the user wants, or one that goes away."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="genvm-replay-demo-") as name:
            yield Path(name)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise UsageError(f"{keep} is not empty; give a new folder")
    yield keep
