"""Which executor runs a transaction: the manifest, the choice, a contract's wish."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.manager.versions import Executor, Versions

MANIFEST = """executor_versions:
  v0.1.0: {available_after: "2024-01-01T00:00:00Z"}
  v0.2.0: {available_after: "2025-01-01T00:00:00Z"}
  v0.2.1: {available_after: "2030-01-01T00:00:00Z"}
  v0.2.2: {available_after: "2030-01-01T00:00:00Z"}
  v0.2.4: {available_after: "2030-01-01T00:00:00Z"}
  v1.0.0: {available_after: 2026-06-01T00:00:00Z}
  v2.0.0: {available_after: "2027-01-01T02:00:00+02:00"}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A manifest, and another executor v1.0.0 that finds v0.7.1 in any contract."""
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    program = tmp_path / "executor" / "v1.0.0" / "bin" / "genvm"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\n[ "$1" = parse-version-pattern ] && cat >/dev/null && printf " v0.7.*"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.fixture
def versions(root: Path) -> Versions:
    return Versions(root, root / "manifest.yaml")


@pytest.mark.parametrize(
    ("major", "timestamp", "version"),
    [
        (0, "2024-01-01T00:00:00Z", "v0.1.0"),
        (0, "2024-12-31T23:59:59Z", "v0.1.0"),
        (0, "2025-01-01T00:00:00Z", "v0.2.2"),  # patches count from the beginning, up to the first gap
        (0, "2030-01-01T00:00:00Z", "v0.2.4"),
        (0, "2025-01-01T01:00:00+02:00", "v0.1.0"),
    ],
)
def test_the_greatest_open_version_and_its_patches(
    versions: Versions, major: int, timestamp: str, version: str
) -> None:
    """spec/manager-modules.md 6.6."""
    assert versions.choose(major, timestamp) == Executor(version)


def test_others_are_programs(versions: Versions, root: Path) -> None:
    """A version that our own executor does not claim lies in its folder; one that is not there is said so."""
    program = root / "executor" / "v1.0.0" / "bin" / "genvm"
    assert versions.choose(1, "2026-06-01T00:00:00Z") == Executor("v1.0.0", program)
    for major, timestamp in (
        (2, "2027-01-01T00:00:00Z"),
        (1, "2026-05-31T23:59:59Z"),
        (7, "2030-01-01T00:00:00Z"),
    ):
        with pytest.raises(UsageError, match="no_executor_version_available") as caught:
            versions.choose(major, timestamp)
        assert str(root) not in str(caught.value)
    with pytest.raises(UsageError, match="not a time"):
        versions.choose(0, "now")


def test_a_claim_brings_our_own(root: Path) -> None:
    """What is claimed is ours, whatever lies in the folder."""
    claiming = Versions(root, root / "manifest.yaml", claims=("v1.*.*",))
    assert claiming.choose(1, "2026-06-01T00:00:00Z") == Executor("v1.0.0")
    with pytest.raises(UsageError, match="not installed"):
        claiming.choose(0, "2026-06-01T00:00:00Z")


def test_rerouting_takes_every_run(root: Path) -> None:
    """To a folder, or to our own; to one that is not there, not."""
    assert Versions(root, reroute_to="v1.0.0").choose(9, "2000-01-01T00:00:00Z").version == "v1.0.0"
    assert Versions(reroute_to="own").choose(9, "2000-01-01T00:00:00Z") == Executor("own")
    for name in ("v9.9.9", "../v1.0.0", ""):
        with pytest.raises(UsageError):
            Versions(root, reroute_to=name)


@pytest.mark.parametrize(
    ("code", "timestamp", "major"),
    [
        (b"# v0.1.0\n# {}\n", "2026-01-01T00:00:00Z", 0),
        (b"# v5.0.0\n# {}\n", "2026-01-01T00:00:00Z", 0),  # at most the newest
        (b"\x00", "2026-01-01T00:00:00Z", 0),  # no contract: the newest
        (b"# v1.0.0\n# {}\n", "2026-07-01T00:00:00Z", 0),  # the other program has the word
    ],
)
def test_a_contract_asks_for_a_major(versions: Versions, code: bytes, timestamp: str, major: int) -> None:
    """The newest open major's executor reads the pattern; the lesser of both counts."""
    assert versions.detect(code, timestamp) == major


def test_detection_needs_an_open_version(versions: Versions) -> None:
    """Before the first there is none."""
    with pytest.raises(UsageError, match="no_executor_version_available"):
        versions.detect(b"", "2000-01-01T00:00:00Z")


def test_a_reload_takes_the_new_manifest_or_nothing(versions: Versions, root: Path) -> None:
    """A malformed one leaves what was."""
    path = root / "manifest.yaml"
    before = versions.names
    for bad in (
        "a: [",
        "[]",
        "executor_versions: 7",
        "executor_versions: {v1: {}}",
        'executor_versions: {v0.3.0: {available_after: "soon"}}',
    ):
        path.write_text(bad)
        with pytest.raises(UsageError, match="manifest"):
            versions.reload()
        assert versions.names == before
    path.write_text('executor_versions: {v0.1.7: {available_after: "2024-01-01T00:00:00Z"}}')
    versions.reload()
    assert versions.choose(0, "2025-01-01T00:00:00Z").version == "v0.1.7"
    os.remove(path)
    with pytest.raises(UsageError, match="manifest"):
        versions.reload()


def test_without_a_manifest_our_own_runs_major_0() -> None:
    """So that nobody has to write one to begin with."""
    assert Versions().choose(0, "2026-01-01T00:00:00Z").program is None
    with pytest.raises(UsageError, match="no_executor_version_available"):
        Versions().choose(1, "2026-01-01T00:00:00Z")
