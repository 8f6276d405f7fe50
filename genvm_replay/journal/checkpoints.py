"""Writes the closed part of a run that is still recorded, through a connection of its own.

The reader of a run may hold a snapshot on the store's connection, which can't be written through then; so each
checkpoint opens one and closes it again. SQLAlchemy is imported only then: most runs need no checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from genvm_replay.journal.recorder import Begun, FinishedRun

if TYPE_CHECKING:
    from genvm_replay.journal.connection import Database


class DatabaseCheckpoints:
    """The checkpoints of one run in a database; see `recorder.Checkpoints`."""

    def __init__(self, connect: Callable[[], Database]) -> None:
        self._connect = connect

    def write(self, part: FinishedRun) -> Begun:
        """Store a part in one transaction: the run is then a prefix with the status `interrupted`."""
        from genvm_replay.journal import run_rows

        with closing(self._connect()) as database:
            blobs = run_rows.new_blobs(database, part.blobs)
            run_id = database.write(
                lambda connection: run_rows.save(connection, part, blobs, method=part.index.method)
            )
        return Begun(run_id, part.root)

    def remove(self, begun: Begun) -> None:
        """Remove the run, if it is still as the last checkpoint left it."""
        from genvm_replay.journal import run_rows

        with closing(self._connect()) as database:
            database.write(lambda connection: run_rows.remove_begun(connection, begun))
