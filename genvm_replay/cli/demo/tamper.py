"""Copies of a journal: one without the local state, one with a single byte changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from genvm_replay.journal.compression import compress
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_source import DatabaseSource
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.events import StorageRead
from genvm_replay.journal.record import decode_event, split
from genvm_replay.journal.segment import canonical_bytes

LINE: Final = "main"


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed: a byte of the answer that the contract got for a read of its storage."""

    line: str
    seq: int
    slot: bytes
    before: bytes
    after: bytes


def copy(store: DatabaseStore, target: Path) -> None:
    """Copy a journal that is open."""
    with store.database.translated():
        store.database.connection.exec_driver_sql("VACUUM INTO ?", (str(target),))


def forget_state(path: Path) -> None:
    """Delete contracts, their storage and all balances: only the journal stays."""
    with open_database(path) as store:
        store.state.drop()


def change_one_byte(path: Path, run_id: int) -> Change:
    """Change a byte of a run's record: the last storage read that was answered with something other than zeros."""
    with open_database(path) as store:
        for segment in DatabaseSource(store.database, run_id).segments(LINE):
            encoded = list(split(canonical_bytes(segment)))
            for number in reversed(range(len(encoded))):
                event = decode_event(encoded[number], lambda _: b"")
                value = event.answer.value
                if isinstance(event.request, StorageRead) and isinstance(value, bytes) and any(value):
                    break
            else:
                continue
            at = len(encoded[number]) - len(value)  # an event ends with the value of its answer
            data = bytearray(encoded[number])
            data[at] ^= 1
            encoded[number] = bytes(data)
            _replace(store, run_id, segment.number, b"".join(encoded))
            return Change(LINE, segment.first_seq + number, event.request.slot, value, bytes(data[at:]))
    raise AssertionError("the run reads no storage")


def _replace(store: DatabaseStore, run_id: int, number: int, canonical: bytes) -> None:
    with store.database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE segments SET data = ? WHERE run_id = ? AND line = ? AND number = ?",
            (compress(canonical), run_id, LINE, number),
        )
