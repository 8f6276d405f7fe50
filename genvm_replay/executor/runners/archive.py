"""An archive: named bytes, whatever form they came in (spec/executor.md 6.1)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final

from .refusal import refusal, shown
from .version import DEFAULT_VERSION, Version, parse_version

RUNNER_JSON: Final = "runner.json"
VERSION: Final = "version"
FILE: Final = "file"


class Archive(Mapping[str, bytes]):
    """Files by name; never changes.

    Names are plain text: a slash has a meaning only to MapFile, and names that end with one are (empty) directories.

    Args:
        charged_size: what loading costs the memory limiter, in bytes (spec/executor.md 8.1).
    """

    def __init__(self, files: Mapping[str, bytes], charged_size: int) -> None:
        self._files: Mapping[str, bytes] = MappingProxyType(dict(files))
        self.charged_size: Final = charged_size

    def __getitem__(self, name: str) -> bytes:
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def read(self, name: str) -> bytes:
        """A file that must be there.

        Raises:
            VmError: it is not.
        """
        try:
            return self._files[name]
        except KeyError:
            raise refusal(f"there is no file {shown(name)} in the archive") from None

    @cached_property
    def version(self) -> Version:
        """What the archive's `version` file says; v0.1.0 without one.

        Raises:
            VmError: it says something else than a version.
        """
        text = self.version_text
        return DEFAULT_VERSION if text is None else parse_version(text)

    @property
    def version_text(self) -> str | None:
        """The `version` file just as it stands; None without one.

        Raises:
            VmError: it is no UTF-8.
        """
        raw = self._files.get(VERSION)
        try:
            return None if raw is None else raw.decode()
        except UnicodeDecodeError as error:
            raise refusal(f"the version file is no UTF-8: {error}") from error

    @cached_property
    def _sorted_files(self) -> list[str]:
        return sorted(name for name in self._files if not name.endswith("/"))

    def below(self, prefix: str) -> Iterator[str]:
        """The names that begin with `prefix`, in order of code points, without directories."""
        names = self._sorted_files
        for number in range(bisect_left(names, prefix), len(names)):
            if not names[number].startswith(prefix):
                return
            yield names[number]
