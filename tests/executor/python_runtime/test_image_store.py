"""Images on disk: made once, the least recently used evicted first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genvm_replay.executor.python_runtime.boot import TooSlow, Unusable
from genvm_replay.executor.python_runtime.image_store import CONTRACT_IMAGES_MAX, ImageStore, by_last_use
from genvm_replay.executor.python_runtime.images import PAGE, ImageFacts

FACTS = ImageFacts(0, PAGE, 16 * PAGE, 0, 0, 0, 0, 4, "")


class Maker:
    """Makes an image of one page, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.count = 0

    def __call__(self) -> tuple[ImageFacts, bytes]:
        self.count += 1
        if self.error:
            raise self.error
        return FACTS, b"i" * PAGE


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path, lambda: None)


def test_made_once(store: ImageStore) -> None:
    """Found by what it is made of."""
    make = Maker()
    for _ in range(2):
        image = store.obtain("contract", ("a", "b"), make)
        assert image is not None
        assert image.pages(0, 1) == b"i" * PAGE
    store.obtain("contract", ("a", "c"), make)
    assert make.count == 2


@pytest.mark.parametrize(("error", "tries"), [(Unusable("it reads the message"), 1), (TooSlow("slow"), 2)])
def test_no_image(store: ImageStore, error: Unusable, tries: int) -> None:
    """That there can be none is remembered; that it took too long says nothing about the next time."""
    make = Maker(error)
    assert [store.obtain("contract", ("a",), make) for _ in range(2)] == [None, None]
    assert make.count == tries


def test_least_recently_used_goes_first(store: ImageStore, tmp_path: Path) -> None:
    """An old image that was used stays, a newer one that was not goes."""
    make = Maker()
    for number in range(CONTRACT_IMAGES_MAX):
        store.obtain("contract", (str(number),), make)
    folders = sorted(tmp_path.glob("image-contract-*/"), key=lambda folder: folder.stat().st_mtime_ns)
    for age, folder in enumerate(folders):
        os.utime(folder, (age, age))
    store.obtain("contract", ("0",), make)
    store.obtain("contract", ("new",), make)
    assert make.count == CONTRACT_IMAGES_MAX + 1
    assert len(list(tmp_path.glob("image-contract-*/"))) == CONTRACT_IMAGES_MAX
    store.obtain("contract", ("0",), make)
    assert make.count == CONTRACT_IMAGES_MAX + 1
    store.obtain("contract", ("1",), make)
    assert make.count == CONTRACT_IMAGES_MAX + 2


def test_what_another_process_removes_does_not_disturb(tmp_path: Path) -> None:
    """Folders in the order of their last use; one that vanished since it was listed comes first, and is no error."""
    old, new, gone = (tmp_path / name for name in ("old", "new", "gone"))
    for folder, used_at in ((new, 2_000), (old, 1_000)):
        folder.mkdir()
        os.utime(folder, (used_at, used_at))
    assert by_last_use([new, gone, old]) == [gone, old, new]
