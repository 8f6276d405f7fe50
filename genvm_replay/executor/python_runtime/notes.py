"""What a contract's code was once asked, kept in the user's cache: asking costs a run, and the code does not change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from .cache import Content, Entry, join_key
from .image_store import by_last_use

FILE: Final = "note.json"
NOTES_MAX: Final = 500  # of a kind, a few KB each


class Notes:
    """One folder of notes. Safe under parallel use; damaged ones are made anew."""

    def __init__(self, cache: Path, on_wait: Callable[[], None]) -> None:
        self._cache = cache
        self._on_wait = on_wait

    def obtain(self, kind: str, ingredients: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
        """Get a note; it is made now, and kept, if it is not there. What `make` raises is not kept.

        Args:
            ingredients: all that the note depends on.

        Raises:
            EnvironmentProblem: the cache can't be written.
        """
        entry = Entry(self._cache, f"note-{kind}", join_key(*ingredients))
        stored = entry.find()
        if stored is None:
            stored = entry.obtain(lambda: Content({FILE: make()}), self._on_wait)
            for folder in by_last_use(self._cache.glob(f"note-{kind}-*/"))[:-NOTES_MAX]:
                with suppress(OSError):
                    shutil.rmtree(folder)
        return stored.read(FILE)
