"""The files that a contract maps, as a tree that grows and refuses what collides (spec/executor.md 6.3)."""

from __future__ import annotations

from typing import Final

from ..wasip1.files import Directory, File
from .refusal import refusal, shown

NODES_MAX: Final = 1 << 18  # files and directories
PATH_SIZE_MAX: Final = 16 << 20  # bytes of all paths together


class FileTree:
    """Files by normalised path. The deployed executor is bounded by its memory limiter alone; memory here is dearer."""

    def __init__(self) -> None:
        self.root: Final = Directory("/")
        self.files: Final[dict[str, bytes]] = {}
        self._nodes = 0
        self._path_size = 0

    def add(self, path: str, data: bytes) -> None:
        """Put a file at a path. Slashes in front, repeated or at the end are dropped; `.` and `..` are plain names.

        Raises:
            VmError: `invalid_contract`: something is there, or a directory on the way is a file; `OOM`: a limit above.
        """
        parts = [part for part in path.split("/") if part]
        if not parts:
            raise refusal(f"MapFile: {shown(path)} is no place for a file")
        self._path_size += len(path)
        here = self.root
        for part in parts[:-1]:
            child = here.children.get(part)
            if child is None:
                self._grow()
                child = here.children[part] = Directory(part)
            if isinstance(child, File):
                raise refusal(f"MapFile: {shown(path)} runs through a file")
            here = child
        if parts[-1] in here.children:
            raise refusal(f"MapFile: {shown(path)} is taken already")
        self._grow()
        here.children[parts[-1]] = File(data)
        self.files["/" + "/".join(parts)] = data

    def _grow(self) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX or self._path_size > PATH_SIZE_MAX:
            raise refusal(f"MapFile: more than {NODES_MAX} files and directories, or too long paths", "OOM")
