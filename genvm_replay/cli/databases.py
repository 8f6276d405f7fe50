"""`db`: the journal's database as a whole."""

from __future__ import annotations

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import emit, facts, printable
from genvm_replay.cli.output import size as sized

CODES = """\b
Exit codes:
  0    done; `check` found nothing
  1    `check` found something wrong
  3    the database can't be opened, read or written"""


@click.group("db", epilog=CODES)
@shared_options()
def db() -> None:
    """Look after the journal's database."""


@db.command()
@shared_options()
@pass_settings
def upgrade(settings: Settings) -> None:
    """Create the database, or bring its schema to this release's.

    Every command that may write does this by itself; this one does nothing else. For a server that many use: run it
    once, as a user who may create tables.
    """
    from genvm_replay.journal.database import upgrade as upgrade_database

    before, after, name = upgrade_database(settings.database())
    if settings.json:
        emit({"database": name, "before": before, "after": after})
    else:
        done = "is current" if before == after else f"upgraded from {before or 'nothing'}"
        click.echo(f"{name}: {after}, {done}")


@db.command()
@shared_options()
@pass_settings
@click.pass_context
def check(context: click.Context, settings: Settings) -> None:
    """Check the database: its own structures, references between rows, payloads. Changes nothing.

    `verify` checks the runs themselves against their hashes.
    """
    from genvm_replay.journal import maintenance

    with open_store(settings) as store:
        found = maintenance.check(store.database)
        name = store.name
    if settings.json:
        emit({"database": name, "ok": not found, "problems": found})
    else:
        click.echo("\n".join(printable(problem) for problem in found) or f"{name}: ok")
    if found:
        context.exit(FAILED)


@db.command()
@shared_options()
@pass_settings
def stats(settings: Settings) -> None:
    """Count runs, events and bytes."""
    from genvm_replay.journal import maintenance

    with open_store(settings) as store:
        told = maintenance.stats(store.database)
    if settings.json:
        emit(told)
        return
    rows = {
        name.replace("_", " "): sized(value) if name.endswith("bytes") else f"{value:,}"
        for name, value in told.items()
        if isinstance(value, int)
    }
    named = {name: str(told[name]) for name in ("database", "schema", "oldest", "newest") if told[name]}
    click.echo(facts({**named, **rows}))


@db.command()
@shared_options()
@pass_settings
def vacuum(settings: Settings) -> None:
    """Give unused room back to the disk, and refresh what the query planner knows."""
    from genvm_replay.journal import maintenance

    with open_store(settings, to_write=True) as store:
        before, after = maintenance.vacuum(store.database)
        name = store.name
    if settings.json:
        emit({"database": name, "before_bytes": before, "after_bytes": after})
    else:
        click.echo(f"{name}: {sized(before)} before, {sized(after)} after")
