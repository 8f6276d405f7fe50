"""What a crash leaves opens, verifies and is a prefix of what was committed, or is refused (docs/journal.md)."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from genvm_replay.errors import ReplayError
from genvm_replay.journal.database import open_database

from .crashes import (
    BEFORE,
    RUNS,
    SEEDS,
    Disk,
    World,
    clear,
    commit,
    crash,
    cut,
    flip_stored,
    look,
    make_world,
    memory_folder,
)

SEEDS_VARIABLE = "GENVM_REPLAY_CRASH_SEEDS"  # how many, where more than those of CI are wanted
GROUPS = 20
KILLS = 24


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = memory_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def world(folder: Path) -> World:
    return make_world(folder)


def seeds(group: int) -> range:
    count = int(os.environ.get(SEEDS_VARIABLE, SEEDS))
    return range(group, count, GROUPS)


@pytest.mark.parametrize("group", range(GROUPS))
def test_crashes(world: World, folder: Path, group: int) -> None:
    """Kills lose nothing that was committed; a bad disk is told or harmless. The seed is in the message."""
    for seed in seeds(group):
        crash(world, seed, folder)


@pytest.mark.parametrize("group", range(4))
def test_flipped_bits_of_stored_values(world: World, folder: Path, group: int) -> None:
    """Every bit of every value that a run depends on is covered by a hash."""
    for seed in seeds(group * GROUPS // 4):
        flip_stored(world, seed, folder)


def put(folder: Path, disk: Disk) -> Path:
    path = folder / "put.db"
    clear(path)
    path.write_bytes(disk.database)
    Path(f"{path}-wal").write_bytes(disk.log)
    return path


def test_every_write_call(world: World, folder: Path) -> None:
    """Not by chance: the log cut after each of its write calls, one after the other."""
    ends = world.writes()
    assert ends[-1] == len(world.log)
    for size in ends:
        disk = cut(world, size)
        assert look(put(folder, disk)) == (world.roots[: disk.runs_min], disk.runs_min)


def test_the_world_is_what_it_says(world: World, folder: Path) -> None:
    """The states that the simulation starts from hold the runs it says; so no seed passes for want of runs."""
    for disk in (
        Disk(world.before, b"", BEFORE, BEFORE),
        Disk(world.before, world.log, RUNS - 1, RUNS - 1),
        Disk(world.after, b"", RUNS - 1, RUNS - 1),
        Disk(world.after, world.log_again, RUNS, RUNS),
    ):
        assert look(put(folder, disk)) == (world.roots[: disk.runs_max], disk.runs_max)


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_writer_killed_by_the_kernel(world: World, folder: Path, kill: int) -> None:
    """A real process, ended by SIGXFSZ in the write call that passes a size: the model above is what really happens."""
    size = LOG_MIN + (len(world.log) - LOG_MIN) * kill // (KILLS - 1)
    path = folder / "killed.db"
    clear(path)
    path.write_bytes(world.before)
    child = os.fork()
    if child == 0:
        write_until_killed(path, size)
    _, status = os.waitpid(child, 0)
    assert os.WIFEXITED(status) if kill == KILLS - 1 else os.WTERMSIG(status) == signal.SIGXFSZ
    runs = world.committed(size)
    assert look(path) == (world.roots[:runs], runs)


LOG_MIN = 40_000  # the shared memory of the log needs 32 KiB, under the same limit


def write_until_killed(path: Path, size: int) -> None:
    try:
        signal.signal(
            signal.SIGXFSZ, signal.SIG_DFL
        )  # Python ignores it, which would make it an error of SQLite's
        with open_database(path) as store:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            for number in range(BEFORE + 1, RUNS):
                commit(store, number)
            os._exit(0)
    finally:
        os._exit(1)


def test_a_full_disk_loses_nothing(world: World, folder: Path) -> None:
    """The same limit as an error instead of a kill: the commit is refused with a reason, those before it are there."""
    path = folder / "full.db"
    clear(path)
    path.write_bytes(world.before)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_database(path) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (world.ends[1] + 5000, hard))
        try:
            for number in (2, 3):
                commit(store, number)
            with pytest.raises(ReplayError, match=r"full\.db: "):
                commit(store, 4)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        commit(store, 4)
    assert look(path) == (world.roots[:4], 4)
