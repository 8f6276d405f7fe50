"""`replay` and `verify`: is a record still what it was, and does it come out the same again?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from genvm_replay.cli.context import BUILDS, RUNNERS_VARIABLE, Settings, pass_settings, shared_options
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.progress import watched
from genvm_replay.cli.verdicts import finish, replay_one, verify_archives, verify_one
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.database_store import DatabaseStore
    from genvm_replay.journal.source import RunSummary

PAGE = 500  # runs listed at once
runners_option: Final = click.option(
    "--runners",
    "runners_dir",
    metavar="DIR",
    envvar=RUNNERS_VARIABLE,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help=f"Official runner archives, for runs that used them. [env: {RUNNERS_VARIABLE}]",
)
TX_PREFIX: Final = re.compile("(0x)?[0-9a-fA-F]{4,64}")


@click.command()
@click.argument("tx", required=False)
@click.option("--all", "everything", is_flag=True, help="All runs of the journal, oldest first.")
@click.option("--run", "run_id", metavar="ID", type=int, help="Only this run of TX.")
@click.option(
    "--build",
    type=click.Choice(BUILDS),
    help="What to run on. A run with a fuel limit takes fuel, a stopped one epoch, always. "
    "[default: epoch for TX, which goes on behind a difference; fast with --all]",
)
@runners_option
@shared_options()
@pass_settings
@click.pass_context
def replay(
    context: click.Context,
    settings: Settings,
    tx: str | None,
    everything: bool,
    run_id: int | None,
    build: str | None,
    runners_dir: Path | None,
) -> None:
    """Re-execute recorded runs from the journal alone, compare all.

    TX is a transaction id or its first digits, at least 4. Compared are every request of the contract with the recorded
    one, the result, what was written to storage, the changed pages of memory, and the root of the record. The first
    difference is told, what it changed in the end, and a class of cause.
    """
    if everything == (tx is not None):
        raise UsageError("give a transaction, or --all")
    if everything and run_id is not None:
        raise UsageError("--run is for a transaction, not for --all")
    from genvm_replay.executor.engine import Build

    chosen = Build(build) if build else Build.FAST if everything else None
    with open_store(settings) as store:
        found = find_runs(store, tx, run_id)
        bench = make_bench(settings, store, [chosen or Build.EPOCH], runners_dir=runners_dir)
        verdicts = (replay_one(bench, run, chosen) for run in watched(found))
        finish(context, settings, verdicts, good="identical")


@click.command()
@click.argument("tx", metavar="[TX|FILE]...", nargs=-1)
@shared_options()
@pass_settings
@click.pass_context
def verify(context: click.Context, settings: Settings, tx: tuple[str, ...]) -> None:
    """Check stored runs against their hashes; runs no contract.

    Checks the runs of each TX, or all runs of the journal, and then also that its database is sound and
    holds no payload that no run names.
    Of an archive FILE, which `export` writes, all runs are checked; that needs no journal.
    Payloads that were removed by `redact` are told; their runs are sound.
    """
    from genvm_replay.journal.amendments import check_whole

    files = [Path(one) for one in tx if not TX_PREFIX.fullmatch(one) and Path(one).is_file()]
    if files:
        if len(files) != len(tx):
            raise UsageError("give transactions or archive files, not both")
        finish(context, settings, verify_archives(files), good="ok")
        return
    with open_store(settings) as store:
        if not tx:
            check_whole(store.database)
        found = [run for one in tx for run in find_runs(store, one)] if tx else find_runs(store, None)
        verdicts = (verify_one(store, run) for run in watched(found))
        finish(context, settings, verdicts, good="ok")


def find_runs(store: DatabaseStore, tx: str | None, run_id: int | None = None) -> list[RunSummary]:
    """The runs of a transaction, or all; oldest first.

    Args:
        run_id: only this one.

    Raises:
        UsageError: there is no such transaction, or it has no such run.
    """
    found: list[RunSummary] = []
    while page := store.find_runs(tx, limit=PAGE, before=found[-1].id if found else None):
        found += page
    if not found and tx is not None:
        from genvm_replay.journal.prune import where_is

        pruned = where_is(store, tx)
        if pruned:
            raise UsageError(f"{tx} was pruned: `import` it from the archive {', '.join(pruned)}")
        raise UsageError(f"there is no transaction {tx} in {store.name}; `runs` lists them")
    chosen = [run for run in found[::-1] if run_id in (None, run.id)]
    if not chosen and found:
        raise UsageError(f"{tx} has no run {run_id}; it has {', '.join(str(run.id) for run in found[::-1])}")
    return chosen
