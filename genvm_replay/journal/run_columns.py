"""The columns of a run's row that follow from the run alone; equal in every store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from genvm_replay import __version__
from genvm_replay.journal.recorder import FinishedRun
from genvm_replay.journal.run_index import TEXT_CHARS_MAX, printable

MOMENT_CHARS: Final = 32
ERROR_BYTES_MAX: Final = 4 * TEXT_CHARS_MAX


def facts_of(finished: FinishedRun) -> dict[str, Any]:
    """Columns of the table `run_facts`."""
    message, footer = finished.header.message, finished.footer
    returned = footer.kind == "return"
    return {
        "moment": moment_of(message.datetime),
        "sender": message.sender_address,
        "error": None if returned else printable(footer.payload[:ERROR_BYTES_MAX].decode(errors="replace")),
        "fingerprint": finished.index.fingerprint,
    }


def moment_of(text: str) -> str:
    """A time in the one form that can be compared as text; one that is none stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return printable(text[:MOMENT_CHARS])
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
