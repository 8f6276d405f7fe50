"""Make the Python runtime ready: python.wasm -> code module -> compiled code, all cached.

`load` is for every start: with a warm cache it takes milliseconds. `prepare` is for the user who wants the
waiting done beforehand. Both make what is missing. Deliberately not here: images and instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ...errors import EnvironmentProblem
from ..engine import Build
from .cache import Content, Entry, join_key
from .prepared import CompiledCode, PreparedRuntime
from .progress import SILENT, Progress
from .source import RuntimeSource, installed_source
from .stored_code import store
from .transform.recipe import PYTHON, Recipe, transform_key

__all__ = ["SILENT", "CompiledCode", "PreparedRuntime", "Progress", "load", "prepare"]


def prepare(
    cache: Path,
    builds: Sequence[Build] = (Build.EPOCH, Build.FAST),
    progress: Progress = SILENT,
    *,
    source: RuntimeSource | None = None,
    recipe: Recipe = PYTHON,
) -> PreparedRuntime:
    """Check the installed files to the last byte and make everything that the builds need.

    Builds are compiled one after the other: wasmtime uses all CPUs for one, and two at once took as long
    and twice the memory (13 s, 1.9 GB instead of 1.0 GB on two CPUs).

    Args:
        cache: see `cache.default_cache`.
        source: None: the installed package's.
        recipe: what to make of the source; fits only the source that it was written for.

    Raises:
        EnvironmentProblem: the runtime's files are missing or other ones, or the cache can't be written.
    """
    source = source or installed_source()
    progress.step("check", "the installed Python runtime")
    source.read_wasm()
    source.check_stdlib()
    runtime = load(cache, progress, source=source, recipe=recipe)
    for build in builds:
        runtime.module(build)
    return runtime


def load(
    cache: Path, progress: Progress = SILENT, *, source: RuntimeSource | None = None, recipe: Recipe = PYTHON
) -> PreparedRuntime:
    """Get the runtime for use, making what the cache lacks. Code is compiled when `module` is called.

    The installed files are only read where something is made of them, or where the standard library's
    archive, which guests read directly, is not the file that was checked before. Arguments and errors are
    those of `prepare`.
    """
    source = source or installed_source()
    entry = Entry(cache, "code", join_key(source.wasm_sha256, transform_key(recipe)))
    stored = entry.obtain(
        lambda: _make_code(source, recipe, progress),
        lambda: progress.step("wait", "another process is preparing the code module"),
    )
    _check_stdlib(cache, source, progress)
    return PreparedRuntime(cache, source, stored, progress)


def _make_code(source: RuntimeSource, recipe: Recipe, progress: Progress) -> Content:
    from .transform.pipeline import transform  # slow to import, and a start with a warm cache does without

    progress.step("transform", "python.wasm into our code module, about 2 s, once")
    return store(transform(source.read_wasm(), recipe))


def _check_stdlib(cache: Path, source: RuntimeSource, progress: Progress) -> None:
    """Hash the archive once for each file found there: an entry without files remembers the check."""
    checked = Entry(cache, "checked", join_key(source.stdlib_sha256, source.stdlib_stamp()))
    if checked.find():
        return
    progress.step("check", "the standard library's archive")
    source.check_stdlib()
    with suppress(EnvironmentProblem):  # a cache that can't be written costs 0.1 s at each start, no more
        checked.obtain(Content, lambda: None)
