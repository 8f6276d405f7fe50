"""Images in the user's cache, found by what they are made of; the least recently used contract images go first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from blake3 import blake3

from ...errors import EnvironmentProblem
from .boot import TooSlow, Unusable
from .cache import Content, Entry, Stored
from .images import Image, ImageFacts

FILE: Final = "image.bin"
REASON: Final = "unusable"
CONTRACT_IMAGES_MAX: Final = 100  # on disk, about 25 MB each
LAYOUT: Final = "1"  # of facts and file

Maker = Callable[[], tuple[ImageFacts, bytes]]


class ImageStore:
    """One folder of images. Safe under parallel use; damaged images are made anew."""

    def __init__(self, cache: Path, progress_wait: Callable[[], None]) -> None:
        self._cache = cache
        self._on_wait = progress_wait

    def obtain(self, kind: str, ingredients: tuple[str, ...], make: Maker) -> Image | None:
        """Get an image, made now if it is not there; None if `make` finds that there can be none."""
        entry = self._entry(kind, ingredients)
        stored = entry.find()
        if stored is not None:
            with suppress(EnvironmentProblem):  # another process evicted it meanwhile
                return _use(stored)
        try:
            stored = entry.obtain(lambda: _content(make), self._on_wait)
        except TooSlow:
            return None
        self._evict(kind)
        return _use(stored)

    def find(self, kind: str, ingredients: tuple[str, ...]) -> Image | None:
        """Get an image that is there and whole; None if there is none."""
        stored = self._entry(kind, ingredients).find()
        with suppress(EnvironmentProblem):
            return None if stored is None else _use(stored)
        return None

    def _entry(self, kind: str, ingredients: tuple[str, ...]) -> Entry:
        key = blake3("\n".join((LAYOUT, *ingredients)).encode()).hexdigest(length=16)
        return Entry(self._cache, f"image-{kind}", key)

    def _evict(self, kind: str) -> None:
        for folder in by_last_use(self._cache.glob(f"image-{kind}-*/"))[:-CONTRACT_IMAGES_MAX]:
            with suppress(OSError):
                shutil.rmtree(folder)


def by_last_use(folders: Iterable[Path]) -> list[Path]:
    """The folders, those first that were not used for longest; one that another process just removed is among them."""

    def used_at(folder: Path) -> float:
        try:
            return folder.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    return sorted(folders, key=used_at)


def _content(make: Maker) -> Content:
    try:
        facts, span = make()
    except TooSlow:
        raise
    except Unusable as reason:
        return Content(facts={REASON: str(reason)})
    return Content({FILE: span}, asdict(facts))


def _use(stored: Stored) -> Image | None:
    with suppress(OSError):  # of a cache that can only be read
        os.utime(stored.folder)  # the last one to be evicted
    if REASON in stored.facts:
        return None
    return Image(stored.path(FILE), ImageFacts(**stored.facts))  # type: ignore[arg-type]
