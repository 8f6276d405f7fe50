"""A note is made once, made again when damaged, and not kept of a question that failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from genvm_replay.executor.python_runtime import notes
from genvm_replay.executor.python_runtime.notes import Notes


def never() -> bytes:
    raise AssertionError("it is there already")


def test_a_note_is_made_once(tmp_path: Path) -> None:
    """By what it depends on: another ingredient is another note."""
    kept = Notes(tmp_path, lambda: None)
    assert kept.obtain("layout", ("a",), lambda: b"one") == b"one"
    assert Notes(tmp_path, lambda: None).obtain("layout", ("a",), never) == b"one"
    assert kept.obtain("layout", ("b",), lambda: b"two") == b"two"
    assert kept.obtain("other", ("a",), lambda: b"three") == b"three"


def test_a_damaged_note_is_made_again(tmp_path: Path) -> None:
    """Whatever the disk says."""
    kept = Notes(tmp_path, lambda: None)
    kept.obtain("layout", ("a",), lambda: b"one")
    (file,) = tmp_path.glob(f"note-layout-*/{notes.FILE}")
    file.write_bytes(b"ONE")
    assert kept.obtain("layout", ("a",), lambda: b"one again") == b"one again"


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    """The next one asks again."""
    kept = Notes(tmp_path, lambda: None)
    with pytest.raises(AssertionError):
        kept.obtain("layout", ("a",), never)
    assert kept.obtain("layout", ("a",), lambda: b"one") == b"one"
