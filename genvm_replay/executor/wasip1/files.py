"""The read-only file tree that a guest sees: nodes are shared by all VMs and never change."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .errno import Errno

FileData: TypeAlias = bytes | mmap.mmap


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """A regular file.

    `seeks_from_end`: the deployed executor refuses SEEK_END (spec/executor.md 7.2); our Python runtime needs it to read
    its own library archive, so the runtime's files allow it and nobody else's do.
    """

    data: FileData
    seeks_from_end: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True, eq=False)
class AbsentFile(File):
    """A file that belongs here and is not on this machine: a guest that opens it meets a fault of the machine."""

    data: FileData = b""
    reason: str = ""  # and what to do
    known_size: int = 0  # bytes that it would have: listing its folder must look the same everywhere

    @property
    def size(self) -> int:
        """Bytes."""
        return self.known_size


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """Named nodes. `name` is the last path component, `/` for the root."""

    name: str
    children: dict[str, Node] = field(default_factory=dict)


Node: TypeAlias = File | Directory


def with_files(root: Directory, files: Mapping[str, File]) -> Directory:
    """A tree that has `files` (absolute path -> file) besides those of `root`; `root` itself is left as it is.

    Raises:
        ValueError: a path names a directory, or runs through a file.
    """
    new = Directory(root.name, dict(root.children))
    for path, file in files.items():
        *parents, name = [part for part in path.split("/") if part]
        here = new
        for part in parents:
            child = here.children.get(part, Directory(part))
            if isinstance(child, File):
                raise ValueError(f"{path}: {part} is a file")
            here.children[part] = Directory(part, dict(child.children))
            here = here.children[part]  # type: ignore[assignment]
        if isinstance(here.children.get(name), Directory):
            raise ValueError(f"{path} is a directory")
        here.children[name] = file
    return new


def resolve(start: Node, path: str) -> Node | Errno:
    """Follow `path` from a directory (spec/executor.md 7.2).

    Empty and `.` components go nowhere, so absolute paths work from the root; `..` always ends in NOENT.
    """
    node = start
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if isinstance(node, File):
            return Errno.BADF
        child = node.children.get(part) if part != ".." else None
        if child is None:
            return Errno.NOENT
        node = child
    return node
