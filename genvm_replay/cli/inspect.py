"""`runs` and `show`: what the journal holds. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import emit, printable, table
from genvm_replay.cli.replays import find_runs
from genvm_replay.cli.stderr_view import stderr_of
from genvm_replay.cli.stored_view import (
    COLUMNS,
    event_json,
    event_text,
    run_json,
    run_text,
    summary_json,
    summary_row,
)
from genvm_replay.errors import PayloadRedacted, UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.events import Event
    from genvm_replay.journal.source import RunSummary
    from genvm_replay.journal.stored import StoredRun


@click.command()
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many at most.",
)
@click.option("--contract", metavar="ADDRESS", help="Only runs of this contract.")
@shared_options()
@pass_settings
def runs(settings: Settings, limit: int, contract: str | None) -> None:
    """List the recorded runs, newest first."""
    from genvm_replay.calldata import Address

    address = Address.parse(contract).raw if contract else None
    with open_store(settings) as store:
        found = store.find_runs(contract=address, limit=limit)
    if settings.json:
        for run in found:
            emit(summary_json(run))
    elif found:
        click.echo(table(COLUMNS, [summary_row(run) for run in found]))
    else:
        click.echo("no runs", err=True)


@click.command()
@click.argument("tx")
@click.option("--events", is_flag=True, help="Also every event: what the contract asked, and the answer.")
@click.option("--line", metavar="NAME", help="Only the events of this line, such as main.")
@shared_options()
@pass_settings
def show(settings: Settings, tx: str, events: bool, line: str | None) -> None:
    """Show the recorded runs of transaction TX, with or without events.

    TX is a transaction id or its first digits, at least 4. A run that failed shows the end of its standard error, where
    Python's traceback is. With --json each event is one object on a line of its own,
    after the object of its run.
    """
    from genvm_replay.journal.store import at_one_moment

    with open_store(settings) as store:
        for summary in find_runs(store, tx):
            with at_one_moment(store, summary):
                _show_run(settings, summary, store.load_run(summary.id), line, events=events)


def _show_run(
    settings: Settings, summary: RunSummary, run: StoredRun, line: str | None, *, events: bool
) -> None:
    if settings.json:
        emit(run_json(summary, run))
    else:
        click.echo(run_text(summary, run))
        click.echo(printable(stderr_of(run)), nl=False)
    for name, seq, event in _events(run, line) if events or line else ():
        if isinstance(event, PayloadRedacted):
            _tell_redacted(settings, event)
        elif settings.json:
            emit(event_json(name, seq, event))
        else:
            click.echo(event_text(name, seq, event, summary.contract))


def _tell_redacted(settings: Settings, gone: PayloadRedacted) -> None:
    if settings.json:
        place = {"line": gone.line, "seq": gone.seq}
        emit({**place, "redacted": {"field": gone.field, "blake3": gone.digest.hex()}})
    else:
        click.echo(printable(str(gone)))


def _events(run: StoredRun, line: str | None) -> Iterator[tuple[str, int, Event | PayloadRedacted]]:
    names = [summary.name for summary in run.all_lines()]
    if line is not None and line not in names:
        raise UsageError(f"the run has no line {line!r}; its lines: {', '.join(names) or 'none'}")
    for name in names if line is None else [line]:
        for seq, event in enumerate(run.read_shown(name)):
            yield name, seq, event
