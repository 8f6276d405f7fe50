"""A finished run crosses from the process that recorded it to the one that stores it, and is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from genvm_replay.errors import JournalError
from genvm_replay.journal.database import open_database
from genvm_replay.journal.handed_run import decode_finished, encode_finished

from .samples import each_kind, record


def test_what_is_handed_over_is_stored_as_the_run_itself(tmp_path: Path) -> None:
    """Record, payloads and what searches find."""
    run = record({"main": each_kind()})
    handed = decode_finished(encode_finished(run))
    assert {**vars_of(handed), "index": vars(handed.index)} == {**vars_of(run), "index": vars(run.index)}
    with open_database(tmp_path / "journal.db") as store:
        run_id = store.commit(handed)
        assert store.verify_run(run_id) == ()
        assert store.load_run(run_id).root == run.root


@pytest.mark.parametrize("data", [b"", b"\x90", b"\xc0", encode_finished(record({}))[:-1]])
def test_other_bytes_are_refused(data: bytes) -> None:
    """With the one error that its reader expects."""
    with pytest.raises(JournalError):
        decode_finished(data)


def vars_of(run: object) -> dict[str, object]:
    return {name: getattr(run, name) for name in type(run).__dataclass_fields__}
