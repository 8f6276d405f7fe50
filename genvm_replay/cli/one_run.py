"""What commands share that look into one recorded run: which one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from genvm_replay.cli.replays import find_runs

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
    return find_runs(store, tx, run_id)[0]
