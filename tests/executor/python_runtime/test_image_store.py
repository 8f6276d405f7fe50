"""Images in the cache that several processes share."""

from __future__ import annotations

import os
from pathlib import Path

from genvm_replay.executor.python_runtime.image_store import by_last_use


def test_what_another_process_removes_does_not_disturb(tmp_path: Path) -> None:
    """Folders in the order of their last use; one that vanished since it was listed comes first, and is no error."""
    old, new, gone = (tmp_path / name for name in ("old", "new", "gone"))
    for folder, used_at in ((new, 2_000), (old, 1_000)):
        folder.mkdir()
        os.utime(folder, (used_at, used_at))
    assert by_last_use([new, gone, old]) == [gone, old, new]
