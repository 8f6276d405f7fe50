"""A folder of derived files: made once, checked on every use, made again when damaged.

An entry is a folder, named by a key that covers everything its files depend on, so an entry is never out of
date. Its manifest has the size and the BLAKE3 of every file and is written last: an entry without a
manifest does not exist. All files are hashed on every use (50 MB in 7 ms): damaged compiled code could
crash the process or do worse. Files are never changed in place but replaced, so that what another process
has mapped stays whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from blake3 import blake3

from ...errors import EnvironmentProblem

CACHE_VARIABLE: Final = "GENVM_REPLAY_CACHE"
MANIFEST: Final = "manifest.json"
MANIFEST_BYTES_MAX: Final = 1 << 20
FORMAT: Final = 1
KEY_BYTES: Final = 16
TEMPORARY: Final = ".tmp"
LOCK_WAIT_S: Final = 600.0  # compiling takes under a minute, also on a slow machine

Facts: TypeAlias = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry is to hold: files by name, and small facts for its manifest."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry that was found whole."""

    folder: Path
    hashes: Mapping[str, str]  # file name -> hex BLAKE3
    facts: Facts

    def path(self, name: str) -> Path:
        """Say where a file lies."""
        return self.folder / name

    def read(self, name: str) -> bytes:
        """Read a file, checking it once more.

        Raises:
            EnvironmentProblem: it was changed or removed since the entry was found whole.
        """
        path = self.path(name)
        with _storage(path):
            content = path.read_bytes()
        if blake3(content).hexdigest() != self.hashes[name]:
            raise EnvironmentProblem(
                f"the cache was changed while in use: {path}; start again, and it is made anew"
            )
        return content


class Entry:
    """One place in a cache, filled or not. Safe against other processes that want the same entry."""

    def __init__(self, cache: Path, kind: str, key: str) -> None:
        self.folder = cache / f"{kind}-{key}"

    def find(self) -> Stored | None:
        """Get what is stored. None if there is nothing, or any of it is damaged."""
        try:
            manifest = _read_manifest(self.folder / MANIFEST)
            hashes = {
                name: _hash_file(self.folder / name, size) for name, (size, _) in manifest.files.items()
            }
        except (OSError, ValueError, RecursionError):  # deep nesting in garbage ends in the last
            return None
        expected = {name: digest for name, (_, digest) in manifest.files.items()}
        return Stored(self.folder, hashes, manifest.facts) if hashes == expected else None

    def obtain(
        self, make: Callable[[], Content], on_wait: Callable[[], None], wait_s: float = LOCK_WAIT_S
    ) -> Stored:
        """Get what is stored; where nothing whole is, make and store it.

        Args:
            make: gives the content. Called at most once, by one process at a time.
            on_wait: told once when another process is making the entry.
            wait_s: seconds to wait for that process.

        Raises:
            EnvironmentProblem: the folder can't be written, or the other process does not finish.
        """
        if stored := self.find():
            return stored
        with self._locked(on_wait, wait_s):
            return self.find() or self._store(make())

    def discard(self) -> None:
        """Forget what is stored, so that `obtain` makes it anew."""
        with _storage(self.folder):
            (self.folder / MANIFEST).unlink(missing_ok=True)

    @contextmanager
    def _locked(self, on_wait: Callable[[], None], wait_s: float) -> Iterator[None]:
        from filelock import FileLock, Timeout  # slow to import, and a start with a warm cache does without

        with _storage(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder.with_name(self.folder.name + ".lock"))
            try:
                lock.acquire(blocking=False)
            except Timeout:
                on_wait()
                try:
                    lock.acquire(timeout=wait_s)
                except Timeout:
                    raise EnvironmentProblem(
                        f"another process has been making {self.folder} for over {wait_s:.0f} s; "
                        f"if none is running, remove {lock.lock_file}"
                    ) from None
        try:
            yield
        finally:
            lock.release()

    def _store(self, content: Content) -> Stored:
        """Write files, then the manifest. Only under the lock."""
        with _storage(self.folder):
            for leftover in self.folder.glob(f"*{TEMPORARY}"):  # of a process that was killed
                leftover.unlink()
            files = {}
            for name, data in content.files.items():
                _write(self.folder / name, data)
                files[name] = (len(data), blake3(data).hexdigest())
            _write(self.folder / MANIFEST, _Manifest(files, content.facts).encode())
        return Stored(self.folder, {name: digest for name, (_, digest) in files.items()}, content.facts)


def join_key(*parts: str) -> str:
    """Make an entry's key of what its content depends on."""
    return blake3("\n".join(parts).encode()).hexdigest(length=KEY_BYTES)


def default_cache(environ: Mapping[str, str]) -> Path:
    """Say where the user's cache lies: GENVM_REPLAY_CACHE, or the system's place for caches."""
    if chosen := environ.get(CACHE_VARIABLE):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("genvm-replay")


@dataclass(frozen=True, slots=True)
class _Manifest:
    files: Mapping[str, tuple[int, str]]  # name -> size, hex BLAKE3
    facts: Facts

    def encode(self) -> bytes:
        content = {"format": FORMAT, "files": self.files, "facts": self.facts}
        return json.dumps({**content, "seal": _seal(content)}, indent=1).encode()


def _read_manifest(path: Path) -> _Manifest:
    """Read a manifest; ValueError if it is not as it was written: the seal covers all of it."""
    with path.open("rb") as file:
        content = json.loads(file.read(MANIFEST_BYTES_MAX))
    if (
        not isinstance(content, dict)
        or content.pop("seal", None) != _seal(content)
        or content["format"] != FORMAT
    ):
        raise ValueError("not a manifest of this format")
    return _Manifest(
        {name: (size, digest) for name, (size, digest) in content["files"].items()}, content["facts"]
    )


def _seal(content: Mapping[str, object]) -> str:
    return blake3(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _hash_file(path: Path, size: int) -> str:
    if path.stat().st_size != size:
        raise ValueError("another size")
    # On one thread: BLAKE3's pool would not survive the fork of a worker, and it saves 2 ms only.
    return blake3().update_mmap(path).hexdigest()


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise EnvironmentProblem(
            f"the cache can't be used: {where}: {error.strerror or error}; make room and permission there, "
            f"or set {CACHE_VARIABLE} to another folder"
        ) from error
