"""`cache`: an entry is whole or does not exist, whatever happens to its files or to those who make it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from filelock import FileLock
from platformdirs import user_cache_path

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.python_runtime.cache import (
    CACHE_VARIABLE,
    MANIFEST,
    MANIFEST_BYTES_MAX,
    Content,
    Entry,
    Stored,
    default_cache,
    join_key,
)

FILES: Mapping[str, bytes] = {"one.bin": b"first" * 1_000, "two.bin": b"second", "empty.bin": b""}
ROOT = Path(__file__).parents[3]
CONTENT = Content(FILES, {"pages": 3, "why": "test"})


class Maker:
    """Makes CONTENT and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Content:
        self.calls += 1
        return CONTENT


def obtain(entry: Entry, maker: Callable[[], Content] | None = None) -> Stored:
    return entry.obtain(maker or Maker(), lambda: None)


def check(stored: Stored) -> None:
    assert {name: stored.read(name) for name in FILES} == FILES
    assert {name: stored.path(name).read_bytes() for name in FILES} == FILES
    assert stored.facts == CONTENT.facts


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Entry(tmp_path / "cache", "thing", join_key("a", "b"))


def test_made_once_then_found(entry: Entry):
    maker = Maker()
    assert entry.find() is None
    made = obtain(entry, maker)
    check(made)
    assert obtain(entry, maker) == made == entry.find()
    assert maker.calls == 1


def test_entry_without_files(entry: Entry):
    obtain(entry, Content)
    assert entry.find() == Stored(entry.folder, {}, {})


def test_discarded_is_made_anew(entry: Entry):
    maker = Maker()
    obtain(entry, maker)
    entry.discard()
    entry.discard()
    assert entry.find() is None
    check(obtain(entry, maker))
    assert maker.calls == 2


def test_keys_keep_parts_apart():
    assert join_key("ab", "c") != join_key("a", "bc")
    assert join_key("a") == join_key("a")


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


DAMAGES: Mapping[str, Callable[[Path], object]] = {
    "truncated": lambda folder: os.truncate(folder / "one.bin", 100),
    "emptied": lambda folder: os.truncate(folder / "one.bin", 0),
    "flipped first bit": lambda folder: flip(folder / "one.bin", 0),
    "flipped last bit": lambda folder: flip(folder / "one.bin", -1),
    "longer": lambda folder: (folder / "two.bin").write_bytes(FILES["two.bin"] + b"!"),
    "file missing": lambda folder: (folder / "two.bin").unlink(),
    "file is a folder": lambda folder: ((folder / "two.bin").unlink(), (folder / "two.bin").mkdir()),
    "manifest missing": lambda folder: (folder / MANIFEST).unlink(),
    "manifest empty": lambda folder: (folder / MANIFEST).write_bytes(b""),
    "manifest no json": lambda folder: (folder / MANIFEST).write_bytes(b"{\xff"),
    "manifest another json": lambda folder: (folder / MANIFEST).write_bytes(b"[1, 2]"),
    "manifest without seal": lambda folder: (folder / MANIFEST).write_bytes(b'{"format": 1, "files": {}}'),
    "manifest deep": lambda folder: (folder / MANIFEST).write_bytes(b"[" * MANIFEST_BYTES_MAX),
    "manifest truncated": lambda folder: os.truncate(folder / MANIFEST, 50),
    "fact changed": lambda folder: (folder / MANIFEST).write_bytes(
        (folder / MANIFEST).read_bytes().replace(b'"pages": 3', b'"pages": 4')
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_and_mended(entry: Entry, damage: str):
    obtain(entry)
    DAMAGES[damage](entry.folder)
    assert entry.find() is None
    if damage == "file is a folder":
        with pytest.raises(EnvironmentProblem, match=r"two\.bin"):
            obtain(entry)
        return
    maker = Maker()
    check(obtain(entry, maker))
    assert maker.calls == 1


def test_damage_after_the_check_is_noticed_on_reading(entry: Entry):
    stored = obtain(entry)
    flip(entry.folder / "one.bin", 7)
    with pytest.raises(EnvironmentProblem, match="changed while in use"):
        stored.read("one.bin")
    (entry.folder / "two.bin").unlink()
    with pytest.raises(EnvironmentProblem, match=r"two\.bin"):
        stored.read("two.bin")


class Interrupted(Mapping[str, bytes]):
    """Files of which the second never comes: Ctrl-C while an entry is written."""

    def __getitem__(self, name: str) -> bytes:
        if name == "two.bin":
            raise KeyboardInterrupt
        return FILES[name]

    def __iter__(self) -> Iterator[str]:
        return iter(FILES)

    def __len__(self) -> int:
        return len(FILES)


def test_interrupt_leaves_no_entry(entry: Entry):
    with pytest.raises(KeyboardInterrupt):
        obtain(entry, lambda: Content(Interrupted()))
    assert entry.find() is None
    assert [path.name for path in entry.folder.iterdir()] == ["one.bin"]
    check(obtain(entry))


def test_failing_maker_leaves_no_entry_and_no_lock(entry: Entry):
    def fail() -> Content:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        obtain(entry, fail)
    assert entry.find() is None
    check(obtain(entry))


def test_leftovers_of_a_killed_process_are_removed(entry: Entry):
    entry.folder.mkdir(parents=True)
    leftover = entry.folder / "one.bin.12345.tmp"
    leftover.write_bytes(b"half")
    check(obtain(entry))
    assert not leftover.exists()


def test_waits_for_another_maker_and_takes_its_result(entry: Entry):
    first_makes, second_waits = threading.Event(), threading.Event()

    def slow() -> Content:
        first_makes.set()
        assert second_waits.wait(10)
        return CONTENT

    first = threading.Thread(target=lambda: obtain(entry, slow))
    first.start()
    assert first_makes.wait(10)
    late = Maker()
    check(entry.obtain(late, second_waits.set))
    first.join()
    assert late.calls == 0


def test_waiting_ends_with_advice(entry: Entry):
    entry.folder.mkdir(parents=True)
    lock = entry.folder.with_name(entry.folder.name + ".lock")
    waits: list[str] = []
    with FileLock(lock), pytest.raises(EnvironmentProblem, match=f"another process .* remove {lock}"):
        entry.obtain(Maker(), lambda: waits.append("told"), wait_s=0.1)
    assert waits == ["told"]


def test_killed_maker_frees_the_entry(entry: Entry):
    """kill -9 in the middle: the next process is not locked out and finds no half entry."""
    script = """if True:
        import os, signal, sys
        from pathlib import Path
        from genvm_replay.executor.python_runtime.cache import Content, Entry
        class Files(dict):
            def items(self):
                yield "one.bin", b"half"
                os.kill(os.getpid(), signal.SIGKILL)
        Entry(Path(sys.argv[1]), "thing", sys.argv[2]).obtain(lambda: Content(Files()), lambda: None)
    """
    key = entry.folder.name.removeprefix("thing-")
    command = [sys.executable, "-c", script, str(entry.folder.parent), key]
    killed = subprocess.run(command, check=False, cwd=ROOT)
    assert killed.returncode < 0
    assert (entry.folder / "one.bin").read_bytes() == b"half"
    check(entry.obtain(Maker(), lambda: None, wait_s=5))


def test_folder_that_can_not_be_made(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentProblem, match=f"{tmp_path / 'file'}.*{CACHE_VARIABLE}"):
        obtain(Entry(tmp_path / "file" / "cache", "thing", "key"))


def test_read_only_folder(tmp_path: Path):
    """Root may write everywhere, so as root the process gives that right up first."""
    script = """if True:
        import sys
        from pathlib import Path
        from genvm_replay.errors import EnvironmentProblem
        from genvm_replay.executor.python_runtime.cache import Content, Entry
        try:
            Entry(Path(sys.argv[1]), "thing", "key").obtain(Content, lambda: None)
        except EnvironmentProblem as problem:
            print(problem)
    """
    tmp_path.chmod(0o555)
    wrapper = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    command = [*wrapper, sys.executable, "-c", script, str(tmp_path)]
    told = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    assert CACHE_VARIABLE in told
    assert str(tmp_path) in told


def test_read_only_file_system():
    """Also for root: /proc takes no folders."""
    with pytest.raises(EnvironmentProblem, match=f"/proc.*{CACHE_VARIABLE}"):
        obtain(Entry(Path("/proc/genvm-replay"), "thing", "key"))


def test_full_disk_is_reported_and_cleaned_up(entry: Entry):
    """A file size limit stands in for the full disk: writing ends in the middle of a file."""
    script = """if True:
        import resource, sys
        from pathlib import Path
        from genvm_replay.errors import EnvironmentProblem
        from genvm_replay.executor.python_runtime.cache import Content, Entry
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            Entry(Path(sys.argv[1]), "thing", "key").obtain(lambda: Content({"big": bytes(5000)}), lambda: None)
        except EnvironmentProblem as problem:
            print(problem)
    """
    cache = entry.folder.parent
    command = [sys.executable, "-c", script, str(cache)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert "File too large" in done.stdout
    assert CACHE_VARIABLE in done.stdout
    assert list((cache / "thing-key").iterdir()) == []


def test_default_place():
    assert default_cache({CACHE_VARIABLE: "/somewhere"}) == Path("/somewhere")
    assert default_cache({}) == default_cache({CACHE_VARIABLE: ""}) == user_cache_path("genvm-replay")
