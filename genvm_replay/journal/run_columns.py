"""The columns of a run's row that follow from the run alone; equal in every store."""

from __future__ import annotations

from typing import Any

from genvm_replay import __version__
from genvm_replay.journal.recorder import FinishedRun


def columns_of(finished: FinishedRun) -> dict[str, Any]:
    """Columns of `source.RunSummary` by name, without those that the commit knows."""
    header, footer = finished.header, finished.footer
    return {
        "tx": header.tx,
        "role": header.role,
        "root": finished.root,
        "kind": footer.kind,
        "contract": header.message.contract_address,
        "event_count": finished.event_count,
        "raw_bytes": finished.raw_bytes,
        "stored_bytes": finished.stored_bytes,
        "status": "interrupted" if footer.interrupted else "finished",
        "release": __version__,
    }
