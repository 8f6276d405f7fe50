"""Runners come from disk, or are stood for (spec/executor.md 6.4; spec/sdk.md 0)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.runners.nix_base32 import runner_hash
from genvm_replay.executor.runners.published import NEWEST, RELEASES
from genvm_replay.executor.runners.registry import Registry
from genvm_replay.executor.runners.runner_id import RunnerId
from genvm_replay.executor.runners.tar_build import build_tar
from genvm_replay.executor.stops import VmError

TAR = build_tar({"runner.json": b'{"StartWasm": "f"}', "f": b"module"})
MINE = RunnerId("mine", runner_hash(TAR))


def put(runners: Path, runner: RunnerId, data: bytes) -> None:
    path = runners / runner.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write(folder: Path, name: str, value: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))
    return folder


@pytest.fixture
def runners(tmp_path: Path) -> Path:
    put(tmp_path / "runners", MINE, TAR)
    return tmp_path / "runners"


def refused(registry: Registry, text: str) -> str:
    with pytest.raises(VmError) as caught:
        registry.load(registry.resolve(text))
    assert caught.value.message == "invalid_contract"
    return caught.value.cause


def test_archive_on_disk(runners: Path) -> None:
    """Read once, then kept."""
    registry = Registry(runners)
    runner = registry.load(registry.resolve(str(MINE)))
    assert (runner.key, runner.origin, runner.name) == (str(MINE), "archive", "mine")
    assert runner.archive["f"] == b"module"
    (runners / MINE.path).unlink()
    assert registry.load(MINE) is runner


def test_only_listed_runners_exist(runners: Path, tmp_path: Path) -> None:
    """With a registry, what all.json does not name is not there, and what it names may be missing."""
    data = write(tmp_path / "data", "all.json", {"mine": ["other"], "gone": ["abc"]})
    registry = Registry(runners, data)
    assert "there is no runner" in refused(registry, str(MINE))
    assert "<runners_dir>/gone/ab/c.tar" in refused(registry, "gone:abc")
    write(data, "all.json", {"mine": ["other", MINE.hash]})
    assert Registry(runners, data).resolve(str(MINE)) == MINE


def test_unlisted_archive_of_a_published_runner_is_not_used(runners: Path, tmp_path: Path) -> None:
    """all.json decides, also where there is a stand-in."""
    runner = RunnerId("softfloat", NEWEST["softfloat"])
    put(runners, runner, b"anything")
    data = write(tmp_path / "data", "all.json", {})
    assert Registry(runners, data).load(runner).origin == "stand-in"


@pytest.mark.parametrize("data", [TAR + bytes(512), b"", bytes(10240)])
def test_another_archive_under_the_id(runners: Path, data: bytes) -> None:
    """The machine is not in order: no outcome of a contract."""
    put(runners, MINE, data)
    with pytest.raises(EnvironmentProblem, match="hash"):
        Registry(runners).load(MINE)


def test_archive_that_is_no_tar(runners: Path) -> None:
    """The right bytes, but not the subset: as the deployed executor has it."""
    runner = RunnerId("bad", runner_hash(b"zzz"))
    put(runners, runner, b"zzz")
    assert "tar" in refused(Registry(runners), str(runner))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("all.json", "{"),
        ("all.json", "[]"),
        ("all.json", '{"a": "b"}'),
        ("all.json", '{"a": [1]}'),
        ("all.json", "[" * 100_000),
        ("latest.json", '{"a": ["b"]}'),
    ],
)
def test_damaged_listings(tmp_path: Path, name: str, text: str) -> None:
    """Said to who runs the machine."""
    data = write(tmp_path / "data", "all.json", {})
    write(data, name, text)
    with pytest.raises(EnvironmentProblem, match=name):
        Registry(None, data, debug_mode=True).resolve("cpython:latest")


def test_no_listing(tmp_path: Path) -> None:
    """A registry without all.json is none."""
    with pytest.raises(EnvironmentProblem, match=r"all\.json"):
        Registry(None, tmp_path).resolve("a:b")


@pytest.mark.parametrize("symbolic", ["test", "latest"])
def test_symbolic_hashes(runners: Path, tmp_path: Path, symbolic: str) -> None:
    """For debug mode only; latest.json says what they mean, else the newest release does."""
    data = write(tmp_path / "data", "all.json", {"mine": [MINE.hash]})
    write(data, "latest.json", {"mine": MINE.hash, "odd": "a/b", "unlisted": "abc"})
    assert "debug" in refused(Registry(runners, data), f"mine:{symbolic}")
    registry = Registry(runners, data, debug_mode=True)
    assert registry.resolve(f"mine:{symbolic}") == MINE
    assert registry.resolve(f"cpython:{symbolic}") == RunnerId("cpython", NEWEST["cpython"])
    for name in ("odd", "unlisted", "unknown"):
        refused(registry, f"{name}:{symbolic}")


STANDS_IN = (
    "py-genlayer",
    "py-genlayer-multi",
    "py-lib-genlayer-std",
    "py-lib-cloudpickle",
    "cpython",
    "softfloat",
    "py-lib-genlayer-embeddings",
    "py-lib-word_piece_tokenizer",
    "models-all-MiniLM-L6-v2",
)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", NEWEST)
def test_published_runners_without_archives(release: str, name: str) -> None:
    """Ours where we have one, else a reason that says what to do."""
    registry = Registry()
    text = f"{name}:{RELEASES[release][name]}"
    if name not in STANDS_IN:
        assert f"<runners_dir>/{name}/" in refused(registry, text)
        return
    runner = registry.load(registry.resolve(text))
    exact = name.startswith("py-genlayer") and release == "v0.2.1"
    assert runner.origin == ("rebuilt" if exact else "stand-in")
    assert runner.action()


@pytest.mark.parametrize("text", ["py-genlayer:abc", "py-genlayer-v2:test", "a" * 100 + ":" + "b" * 100])
def test_runners_nobody_published(text: str) -> None:
    """No hash is as good as another."""
    assert refused(Registry(debug_mode=True), text)


def test_listing(runners: Path, tmp_path: Path) -> None:
    """Everything once, with where it comes from."""
    rows = {row.id: row for row in Registry(runners).listing()}
    assert len(rows) == len(Registry(runners).listing())
    assert rows[MINE][1:] == ("archive", ())
    assert rows[RunnerId("py-genlayer", NEWEST["py-genlayer"])][1:] == ("rebuilt", ("v0.2.1",))
    assert rows[RunnerId("cpython", RELEASES["v0.1.3"]["cpython"])][1:] == (
        "stand-in",
        ("v0.1.0", "v0.1.3", "v0.1.8"),
    )
    assert rows[RunnerId("py-lib-protobuf", NEWEST["py-lib-protobuf"])].presence == "absent"
    data = write(tmp_path / "data", "all.json", {"mine": ["gone"]})
    rows = {row.id: row for row in Registry(runners, data).listing()}
    assert rows[RunnerId("mine", "gone")].presence == "absent"
    assert MINE not in rows
