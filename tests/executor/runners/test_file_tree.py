"""Mapped files: normal paths, no collisions, bounded (spec/executor.md 6.3)."""

from __future__ import annotations

import pytest

from genvm_replay.executor.runners.file_tree import NODES_MAX, PATH_SIZE_MAX, FileTree
from genvm_replay.executor.stops import VmError
from genvm_replay.executor.wasip1.files import File, resolve

NORMAL = [
    ("/a", "/a"),
    ("a", "/a"),
    ("//a", "/a"),
    ("/a//b///c", "/a/b/c"),
    ("a/", "/a"),
    ("/./a/../b", "/./a/../b"),
    ("/\u00e9 x", "/\u00e9 x"),
    ("\\a", "/\\a"),
]
COLLISIONS = [
    ["/a", "a"],
    ["/a/b", "//a//b"],
    ["/a", "/a/b"],
    ["/a/b", "/a"],
    ["/a/b/c", "/a/b"],
    ["/"],
    [""],
    ["///"],
]


@pytest.mark.parametrize(("path", "normal"), NORMAL)
def test_normal_paths(path: str, normal: str) -> None:
    """`.` and `..` are names like others."""
    tree = FileTree()
    tree.add(path, b"data")
    assert tree.files == {normal: b"data"}


@pytest.mark.parametrize("paths", COLLISIONS)
def test_collisions(paths: list[str]) -> None:
    """The last of them has no place."""
    tree = FileTree()
    for path in paths[:-1]:
        tree.add(path, b"")
    with pytest.raises(VmError) as caught:
        tree.add(paths[-1], b"")
    assert caught.value.message == "invalid_contract"


def test_tree_and_files_agree() -> None:
    """What a guest opens is what was mapped."""
    tree = FileTree()
    for path in ("/a", "/d/b", "/d/e/c"):
        tree.add(path, path.encode())
    for path, data in tree.files.items():
        node = resolve(tree.root, path)
        assert isinstance(node, File)
        assert node.data == data
    assert not tree.root.children["a"].seeks_from_end  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "nodes"), [("x" * 100_000, 1), ("", 1), ("/d" * 10_000, 10_001)], ids=["long", "many", "deep"]
)
def test_size_is_bounded(name: str, nodes: int) -> None:
    """Memory for names is ours: what fits is mapped, and nothing more."""
    tree = FileTree()
    size, count = 0, 0
    while count + nodes <= NODES_MAX and size + len(path := f"/{len(tree.files)}{name}") <= PATH_SIZE_MAX:
        tree.add(path, b"")
        size, count = size + len(path), count + nodes
    with pytest.raises(VmError) as caught:
        tree.add(f"/{len(tree.files)}{name}", b"")
    assert caught.value.message == "OOM"
    assert NODES_MAX - nodes < count or PATH_SIZE_MAX - len(path) < size
