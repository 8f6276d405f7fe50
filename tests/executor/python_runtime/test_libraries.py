"""Which of our files stand for which library."""

from __future__ import annotations

from pathlib import Path

import pytest

from genvm_replay.executor.python_runtime.libraries import GENERATION, GENERATION_V01, GuestFiles
from genvm_replay.executor.python_runtime.progress import SILENT
from genvm_replay.executor.python_runtime.sdk_files import load_sdk_files
from genvm_replay.executor.runners.published import RELEASES
from genvm_replay.executor.runners.runner_id import RunnerId
from genvm_replay.executor.runners.stand_ins import LIBRARIES
from genvm_replay.executor.stops import VmError

FILES = load_sdk_files()


def guest_files(tmp_path: Path, changed: dict[str, bytes] | None = None) -> GuestFiles:
    return GuestFiles({**FILES, **(changed or {})}, tmp_path, SILENT, "no_such_package")


@pytest.mark.parametrize("release", RELEASES)
def test_every_file_is_the_sdks_or_a_librarys(tmp_path: Path, release: str) -> None:
    """Each once; every library that a contract can name brings something."""
    made = guest_files(tmp_path)
    runners = [RunnerId(name, RELEASES[release][name]) for name in LIBRARIES]
    parts = [set(made.sdk), *(set(made.library(runner)) for runner in runners)]
    assert all(parts)
    assert set.union(*parts) >= set(FILES)
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert "/py/libs/genlayer/__init__.py" in made.sdk


@pytest.mark.parametrize(("release", "path"), [("v0.1.0", GENERATION_V01), ("v0.2.1", GENERATION)])
def test_generation_follows_the_id(tmp_path: Path, release: str, path: str) -> None:
    """`VecDB` of v0.1.x is another one than that of v0.2.x."""
    name = "py-lib-genlayer-embeddings"
    library = guest_files(tmp_path).library(RunnerId(name, RELEASES[release][name]))
    assert library[GENERATION].data == FILES[path]


def test_two_releases_do_not_go_together(tmp_path: Path) -> None:
    """As their archives would not."""
    runners = [
        RunnerId(name, RELEASES[release][name]) for name in LIBRARIES for release in ("v0.1.0", "v0.2.1")
    ]
    made = guest_files(tmp_path)
    assert made.libraries(runners[::2])
    with pytest.raises(VmError, match="invalid_contract"):
        made.libraries(runners[:2])


def test_digest_covers_libraries_and_models(tmp_path: Path) -> None:
    """A run is bound to them as to the SDK; whether the model is installed does not matter."""
    digest = guest_files(tmp_path).digest()
    assert digest == GuestFiles(FILES, tmp_path, SILENT).digest()
    assert digest != guest_files(tmp_path, {GENERATION: b""}).digest()
    assert digest != guest_files(tmp_path, {"/py/libs/genlayer/__init__.py": b""}).digest()
