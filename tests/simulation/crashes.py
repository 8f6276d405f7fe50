"""A seeded world of crashes: a journal's files as a crash or a bad disk may leave them, and what may be read from them.

One writer commits runs while the bytes of its files are kept. From these follows every state in which a kill can leave
the disk: SQLite only appends to the log until a checkpoint copies its pages into the database, page by page, and then
begins the log anew from its start (sqlite.org, "WAL-mode File Format"). A power loss may also leave any of the sectors
unwritten that were not flushed; a bad disk flips bits or loses the end of a file. A seed chooses one such state:

    python -m tests.simulation.crashes --seeds 100000
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from genvm_replay.errors import ReplayError
from genvm_replay.journal import amendments
from genvm_replay.journal.database import open_database
from genvm_replay.journal.delta import PageKey, StateDelta
from genvm_replay.journal.events import OK, Event, WriteStream
from genvm_replay.journal.recorder import FinishedRun
from genvm_replay.journal.store import Store
from tests.journal.samples import HEADER, many_events, raw, record

SEEDS: Final = 2_000
BEFORE: Final = 1  # runs in the database when the log is begun
RUNS: Final = 5  # with three in the log, and one after the checkpoint
KEY: Final = PageKey(b"\xa1" * 20, b"\x51" * 32, 0)
LOG_HEADER_BYTES, FRAME_HEADER_BYTES, SECTOR_BYTES = 32, 24, 512
# Every column of a run that its root binds, that locates its events, or that says where they are.
STORED: Final = {
    "runs": (
        "tx",
        "root",
        "header",
        "lines",
        "field_tags",
        "footer",
        "role",
        "kind",
        "contract",
        "event_count",
        "status",
    ),
    "segments": ("line", "number", "first_seq", "count", "head", "leaves", "tags", "data"),
    "blobs": ("hash", "data"),
    "payload_references": ("hash",),
}


@dataclass(frozen=True)
class Disk:
    """The files of a journal, and how many runs a reader must at least find, and may at most."""

    database: bytes
    log: bytes
    runs_min: int
    runs_max: int


@dataclass(frozen=True)
class World:
    """What the writer left.

    Attributes:
        before: the database before the log was begun.
        log: the log with three more runs; `ends` are its sizes after each of them.
        after: the database after the checkpoint.
        log_again: the log begun anew, with one more run; its old end follows.
        again_end: where that run ends in it.
    """

    roots: list[bytes]
    before: bytes
    log: bytes
    ends: list[int]
    after: bytes
    log_again: bytes
    again_end: int
    page_bytes: int

    def writes(self) -> list[int]:
        """Where each write call of the log ends: its header, then each frame's header and page."""
        frame = FRAME_HEADER_BYTES + self.page_bytes
        begins = range(LOG_HEADER_BYTES, len(self.log), frame)
        return [
            0,
            LOG_HEADER_BYTES,
            *(at for begin in begins for at in (begin + FRAME_HEADER_BYTES, begin + frame)),
        ]

    def committed(self, size: int) -> int:
        """How many runs a log of this size commits, with those before."""
        return BEFORE + sum(end <= size for end in self.ends)


def make_run(number: int) -> FinishedRun:
    """A run with events of all kinds, a large payload, and a transaction of its own."""
    page = Event(WriteStream(1, random.Random(number).randbytes(6_000)), OK)
    header = msgspec.structs.replace(HEADER, tx=bytes([number]) * 32)
    lines = {"main": [*many_events(20 * number, seed=number), page], "nondet:0": many_events(5, seed=number)}
    return record(lines, header=header)


def commit(store: Store, number: int) -> None:
    """Commit run `number` with the state it changes."""
    version = store.state.contract_version(KEY.address)
    state = StateDelta(pages={KEY: str(number).encode()})
    store.commit(make_run(number), state=state, expected_versions={KEY.address: version})


def make_world(folder: Path) -> World:
    """Write a journal and keep its files as they were along the way."""
    path, log = folder / "world.db", folder / "world.db-wal"
    with open_database(path) as store:
        for number in range(1, BEFORE + 1):
            commit(store, number)
    before, ends = path.read_bytes(), []
    with open_database(path) as store:
        for number in range(BEFORE + 1, RUNS):
            commit(store, number)
            ends.append(log.stat().st_size)
        first_log = log.read_bytes()
        assert path.read_bytes() == before
        store.database.connection.exec_driver_sql("PRAGMA wal_checkpoint(FULL)").all()
        after = path.read_bytes()
        commit(store, RUNS)
        again = log.read_bytes()
        page_bytes = int(store.database.connection.exec_driver_sql("PRAGMA page_size").scalar_one())
        roots = [run.root for run in reversed(store.list_runs())]
    frame = FRAME_HEADER_BYTES + page_bytes
    salt = again[16:24]
    frames = [at for at in range(LOG_HEADER_BYTES, len(again), frame) if again[at + 8 : at + 16] == salt]
    return World(roots, before, first_log, ends, after, again, frames[-1] + frame, page_bytes)


def killed_at_a_write(world: World, rng: random.Random) -> Disk:
    """The writer is killed between two write calls."""
    return cut(world, rng.choice(world.writes()))


def killed_in_a_write(world: World, rng: random.Random) -> Disk:
    """A write call came only half to the file."""
    return cut(world, rng.randrange(len(world.log) + 1))


def cut(world: World, size: int) -> Disk:
    """The log as far as it was written: exactly the runs that were committed are there."""
    return Disk(world.before, world.log[:size], world.committed(size), world.committed(size))


def power_lost(world: World, rng: random.Random) -> Disk:
    """What was flushed is there; of the sectors after it each may be there, be zeros, or be anything."""
    flushed = rng.choice([LOG_HEADER_BYTES, *world.ends])
    log = bytearray(world.log)
    for at in range(flushed, len(log), SECTOR_BYTES):
        size = min(SECTOR_BYTES, len(log) - at)
        log[at : at + size] = rng.choice([log[at : at + size], bytes(size), rng.randbytes(size)])
    return Disk(world.before, bytes(log), world.committed(flushed), RUNS - 1)


def killed_in_a_checkpoint(world: World, rng: random.Random) -> Disk:
    """Some sectors of the database are those of after, some those of before; the log was flushed and is whole."""
    size = max(len(world.before), len(world.after))
    before, after = (bytearray(data.ljust(size, b"\0")) for data in (world.before, world.after))
    if rng.random() < 0.5:  # page by page, in order
        at = rng.randrange(0, size + 1, world.page_bytes)
        mixed = after[:at] + before[at:]
        mixed = mixed[: max(len(world.before), at)]
    else:
        mixed = before
        for at in range(0, size, SECTOR_BYTES):
            if rng.random() < 0.5:
                mixed[at : at + SECTOR_BYTES] = after[at : at + SECTOR_BYTES]
    return Disk(bytes(mixed), world.log, RUNS - 1, RUNS - 1)


def killed_in_the_new_log(world: World, rng: random.Random) -> Disk:
    """The log was begun anew: its old end still follows what was written."""
    size = rng.randrange(world.again_end + 1)
    runs = RUNS if size == world.again_end else RUNS - 1
    return Disk(world.after, world.log_again[:size] + world.log[size:], runs, runs)


def bits_flipped(world: World, rng: random.Random) -> Disk:
    """A bad disk: up to three bits anywhere in either file."""
    database, log = bytearray(world.before), bytearray(world.log)
    for _ in range(rng.randint(1, 3)):
        data = rng.choice([database, log])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return Disk(bytes(database), bytes(log), 0, RUNS - 1)


def database_flipped(world: World, rng: random.Random) -> Disk:
    """The same in a database without a log, where no checksum of SQLite's helps."""
    database = bytearray(world.after)
    database[rng.randrange(len(database))] ^= 1 << rng.randrange(8)
    return Disk(bytes(database), b"", 0, RUNS - 1)


def database_truncated(world: World, rng: random.Random) -> Disk:
    """The end of the database is lost."""
    return Disk(world.after[: rng.randrange(1, len(world.after))], b"", 0, RUNS - 1)


CRASHES: Final[tuple[Callable[[World, random.Random], Disk], ...]] = (
    killed_at_a_write,
    killed_in_a_write,
    power_lost,
    killed_in_a_checkpoint,
    killed_in_the_new_log,
    bits_flipped,
    database_flipped,
    database_truncated,
)
LOSSES: Final = frozenset({bits_flipped, database_flipped, database_truncated})  # these may be refused


def crash(world: World, seed: int, folder: Path) -> str:
    """Bring the disk into a state, open the journal, and compare; what came of it: `read` or `refused`."""
    rng = random.Random(seed)
    chosen = rng.choice(CRASHES)
    disk = chosen(world, rng)
    path = folder / f"crashed-{seed}.db"  # a name of its own: nothing of another seed can be in the way
    path.write_bytes(disk.database)
    Path(f"{path}-wal").write_bytes(disk.log)
    try:
        found, state = look(path)
    except ReplayError as error:
        assert chosen in LOSSES, f"seed {seed}, {chosen.__name__}: refused: {error}"
        assert 0 < len(str(error)) < 3000
        clear(path)
        return "refused"
    clear(path)
    told = f"seed {seed}, {chosen.__name__}: {len(found)} runs"
    assert found == world.roots[: len(found)], f"{told}, no prefix"
    assert disk.runs_min <= len(found) <= disk.runs_max, f"{told}, not {disk.runs_min} to {disk.runs_max}"
    assert chosen in LOSSES or state == len(found), f"{told}, but the state of {state}"
    return "read"


def look(path: Path) -> tuple[list[bytes], int]:
    """Roots of all runs, each verified, and the version of the state; raises ReplayError where something is wrong."""
    with open_database(path, durability="normal") as store:
        amendments.check_whole(store.database)
        runs = store.find_runs(limit=100)[::-1]
        for run in runs:
            store.verify_run(run.id)
        return [run.root for run in runs], store.state.contract_version(KEY.address) or 0


def flip_stored(world: World, seed: int, folder: Path) -> None:
    """Flip one bit of one stored value of a run: always found."""
    rng = random.Random(seed)
    path = folder / f"flipped-{seed}.db"
    path.write_bytes(world.after)
    table = rng.choice(list(STORED))
    column = rng.choice(STORED[table])
    with raw(path) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        rows = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
        row, value = rng.choice(rows)
        changed = flipped(value, rng)
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?", (changed, row))
        if connection.execute("SELECT changes()").fetchone() == (0,):
            return  # two rows can't be alike: the database itself refuses that
    try:
        look(path)
    except ReplayError:
        clear(path)
        return
    raise AssertionError(f"seed {seed}: {table}.{column} of row {row}: a flipped bit was not found")


def flipped(value: bytes | str | int, rng: random.Random) -> bytes | str | int:
    """The value with one bit changed."""
    if isinstance(value, int):
        return value ^ 1 << rng.randrange(16)
    data = bytearray(value.encode() if isinstance(value, str) else value)
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(7)
    return data.decode() if isinstance(value, str) else bytes(data)


def clear(path: Path) -> None:
    """Remove the files of a journal."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink(missing_ok=True)


def memory_folder() -> Path:
    """A folder that needs no disk where there is one: the simulation makes its own crashes."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))


def main() -> None:
    """Run many seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    options = parser.parse_args()
    folder = memory_folder()
    try:
        world = make_world(folder)
        told = {"read": 0, "refused": 0}
        for seed in range(options.first, options.first + options.seeds):
            told[crash(world, seed, folder)] += 1
            flip_stored(world, seed, folder)
        print(f"{options.seeds} seeds: {told}; every flipped bit of a stored value was found")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
