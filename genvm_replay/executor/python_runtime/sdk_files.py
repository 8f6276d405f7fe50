"""The guest SDK: the Python files that contracts import, mapped at /py/libs/, and the PyPI packages that it uses."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from blake3 import blake3

from ...errors import EnvironmentProblem

LIBRARY: Final = "/py/libs/"
GUEST: Final = Path(__file__).parents[2] / "guest"
PACKAGES: Final = ("cloudpickle",)
"""Pure Python, as installed; pinned in pyproject.toml, because a run is bound to the bytes of them all."""


def load_sdk_files() -> dict[str, bytes]:
    """All Python files of the SDK by their path in the guest.

    Raises:
        EnvironmentProblem: a package is not installed.
    """
    return dict(_walk(GUEST, LIBRARY) + [file for name in PACKAGES for file in _package(name)])


def _package(name: str) -> list[tuple[str, bytes]]:
    spec = find_spec(name)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise EnvironmentProblem(f"the package {name} is not installed; run: pip install genvm-replay")
    return _walk(Path(folders[0]), f"{LIBRARY}{name}/")


def _walk(folder: Path, path: str) -> list[tuple[str, bytes]]:
    found = []
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir() and item.name != "__pycache__":
            found += _walk(item, f"{path}{item.name}/")
        elif item.name.endswith(".py"):
            found.append((path + item.name, item.read_bytes()))
    return found


def files_hash(files_: Mapping[str, bytes]) -> str:
    """One hash for a set of files: hex BLAKE3 over paths and contents, in order."""
    digest = blake3()
    for path, data in sorted(files_.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
