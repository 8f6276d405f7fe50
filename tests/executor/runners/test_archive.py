"""Archives are mappings that never change."""

from __future__ import annotations

import pytest

from genvm_replay.executor.runners.archive import Archive
from genvm_replay.executor.stops import VmError


def test_it_does_not_follow_its_source() -> None:
    """What was given can change afterwards; the archive can't."""
    files = {"a": b"1"}
    archive = Archive(files, 5)
    files["b"] = b"2"
    assert dict(archive) == {"a": b"1"}
    assert archive.charged_size == 5
    assert archive.read("a") == b"1"


def test_a_missing_file() -> None:
    """A short reason, whatever the name."""
    with pytest.raises(VmError) as caught:
        Archive({}, 0).read("\ud800" * 5000)
    assert caught.value.message == "invalid_contract"
    assert len(caught.value.cause.encode()) < 600


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("", ["a", "a/b", "a/b/c", "a0", "b"]),
        ("a/", ["a/b", "a/b/c"]),
        ("a", ["a", "a/b", "a/b/c", "a0"]),
        ("a/b/", ["a/b/c"]),
        ("c", []),
    ],
)
def test_below(prefix: str, names: list[str]) -> None:
    """In order, without directories."""
    archive = Archive(dict.fromkeys(["b", "a/b", "a/", "a/b/c", "a", "a0", "d/", "/"], b""), 0)
    assert list(archive.below(prefix)) == names


def test_version() -> None:
    """From the file `version`; without one it is the first."""
    assert Archive({}, 0).version == (0, 1, 0)
    assert Archive({"version": b"\nv1.2.3"}, 0).version == (1, 2, 3)
    for raw in (b"", b"\xff", b"v1"):
        with pytest.raises(VmError):
            assert Archive({"version": raw}, 0).version
