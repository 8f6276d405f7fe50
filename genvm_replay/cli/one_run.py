"""What commands share that look into one recorded run: which one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from genvm_replay.cli.replays import find_runs
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.database_store import DatabaseStore
    from genvm_replay.journal.source import RunSummary

run_option: Final = click.option(
    "--run", "run_id", metavar="ID", type=int, help="Which run of TX. [default: the oldest]"
)


def one_run(store: DatabaseStore, tx: str, run_id: int | None = None) -> RunSummary:
    """One run of a transaction: the oldest, or the one with this id.

    Raises:
        UsageError: there is none.
    """
    found = find_runs(store, tx)
    chosen = [run for run in found if run_id in (None, run.id)]
    if not chosen:
        raise UsageError(f"{tx} has no run {run_id}; it has {', '.join(str(run.id) for run in found)}")
    return chosen[0]
