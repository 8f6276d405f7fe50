"""Runners on disk (spec/executor.md 6.4). The only file of this package that opens files.

The deployed executor trusts paths and has no stand-ins: here an archive must have the hash that its id says, and a
published runner whose archive is not there gets what stands for it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ...errors import EnvironmentProblem
from . import stand_ins
from .listing import read_all, read_latest
from .published import RELEASES, releases_of
from .refusal import refusal, shown
from .runner import Origin, Runner
from .runner_id import SYMBOLIC, RunnerId
from .tar_archive import read_tar

ALL, LATEST = "all.json", "latest.json"
TAR_SIZE_MAX: Final = 1 << 30
LISTING_SIZE_MAX: Final = 16 << 20


class Listed(NamedTuple):
    """A line of `runners list`."""

    id: RunnerId
    presence: Origin | Literal["absent"]
    releases: tuple[str, ...]  # that shipped it, oldest first; empty: it was never published


class Registry:
    """Finds runners in two folders, either of which may be None.

    Without `registry_dir` every archive in `runners_dir` counts as listed; with it, all.json says which do. Published
    runners that we have a stand-in for are always listed.
    """

    def __init__(
        self, runners_dir: Path | None = None, registry_dir: Path | None = None, *, debug_mode: bool = False
    ) -> None:
        self._runners_dir = runners_dir
        self._registry_dir = registry_dir
        self._debug_mode = debug_mode
        self._loaded: dict[RunnerId, Runner] = {}

    @cached_property
    def _all(self) -> dict[str, tuple[str, ...]] | None:
        return None if self._registry_dir is None else read_all(_read(self._registry_dir / ALL))

    @cached_property
    def _latest(self) -> dict[str, str]:
        path = None if self._registry_dir is None else self._registry_dir / LATEST
        return read_latest(_read(path)) if path is not None and path.exists() else {}

    def resolve(self, text: str) -> RunnerId:
        """See `RunnerSource.resolve`. Without a latest.json, `test` and `latest` mean the newest release known here."""
        runner = RunnerId.parse(text)
        if runner.hash in SYMBOLIC:
            if not self._debug_mode:
                raise refusal(f"{runner}: such a hash is for debug mode only")
            found = self._latest.get(runner.name) or stand_ins.newest(runner.name)
            if found is None:
                raise refusal(f"{runner}: no runner of that name is known")
            runner = RunnerId.parse(f"{runner.name}:{found}")
        if not (self._lists(runner) or releases_of(*runner)):
            raise refusal(f"there is no runner {shown(str(runner))}")
        return runner

    def _lists(self, runner: RunnerId) -> bool:
        if self._all is None:
            return self._archive_path(runner) is not None
        return runner.hash in self._all.get(runner.name, ())

    def load(self, runner: RunnerId) -> Runner:
        """See `RunnerSource.load`."""
        if runner not in self._loaded:
            self._loaded[runner] = self._find(runner)
        return self._loaded[runner]

    def _find(self, runner: RunnerId) -> Runner:
        path = self._archive_path(runner)
        if path is not None and self.has_archive(runner):
            tar = _read(path, TAR_SIZE_MAX)
            if not runner.verify_hash(tar):
                raise EnvironmentProblem(
                    f"{path} is damaged or is another runner: its hash is not {runner.hash}"
                )
            return Runner(str(runner), read_tar(tar), "archive")
        found = stand_ins.stand_in(runner)
        if found is None:
            where = f"put its archive at <runners_dir>/{runner.path}"
            raise refusal(f"the runner {runner} exists but is not here, and nothing stands for it: {where}")
        return found

    def _archive_path(self, runner: RunnerId) -> Path | None:
        path = None if self._runners_dir is None else self._runners_dir / runner.path
        return path if path is not None and path.is_file() else None

    def has_archive(self, runner: RunnerId) -> bool:
        """Whether `load` would take the runner from a file."""
        return self._archive_path(runner) is not None and self._lists(runner)

    def listing(self) -> list[Listed]:
        """All runners that are published, listed or there, in order of name and then of release."""
        known = [RunnerId(*item) for hashes in RELEASES.values() for item in hashes.items()]
        listed = [RunnerId(name, text) for name, texts in (self._all or {}).items() for text in texts]
        unique = dict.fromkeys(known + listed + self._on_disk())
        rows = [Listed(runner, self._presence(runner), releases_of(*runner)) for runner in unique]
        return sorted(rows, key=lambda row: row.id.name)

    def _presence(self, runner: RunnerId) -> Origin | Literal["absent"]:
        if self._archive_path(runner) is not None:
            return "archive" if self._lists(runner) else "absent"
        found = stand_ins.stand_in(runner)
        return "absent" if found is None else found.origin

    def _on_disk(self) -> list[RunnerId]:
        if self._all is not None or self._runners_dir is None:
            return []
        tars = sorted(self._runners_dir.glob("*/*/*.tar"))
        return [RunnerId(tar.parts[-3], tar.parts[-2] + tar.stem) for tar in tars]


def _read(path: Path, size_max: int = LISTING_SIZE_MAX) -> bytes:
    try:
        if path.stat().st_size > size_max:
            raise EnvironmentProblem(
                f"{path} has more than {size_max} bytes: no file of a runner registry has"
            )
        return path.read_bytes()
    except OSError as error:
        raise EnvironmentProblem(f"can't read {path}: {error.strerror}") from error
