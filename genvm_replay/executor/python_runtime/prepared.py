"""The prepared Python runtime: the code module, what its memory starts with, and compiled code for each build."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import wasmtime

from ...errors import EnvironmentProblem
from ..engine import Build, config_key, new_engine
from .cache import Content, Entry, Stored, join_key
from .progress import Progress
from .source import RuntimeSource
from .stored_code import CODE, MEMORY_PAGES, STACK_POINTER, read_names, read_segments
from .transform.code_module import Segment

COMPILED: Final = "code.cwasm"


class CompiledCode(NamedTuple):
    """A module and the engine that it belongs to."""

    engine: wasmtime.Engine
    module: wasmtime.Module


class PreparedRuntime:
    """The code module and all that starts from it. One object may serve many threads.

    Attributes:
        code_wasm: the code module's file.
        code_hash: hex BLAKE3 of it.
        source_hash: hex SHA-256 of the python.wasm that it was made from.
        stdlib_zip: the standard library's archive, which guests see as a file.
        stdlib_hash: hex SHA-256 of it.
        memory_pages: of 64 KiB, at the start.
        stack_pointer: its initial value.
    """

    def __init__(self, cache: Path, source: RuntimeSource, stored: Stored, progress: Progress) -> None:
        """
        Args:
            stored: the code module's files.
            progress: told when `module` compiles.
        """
        self._cache = cache
        self._stored = stored
        self._progress = progress
        self._lock = threading.Lock()
        self._compiled: dict[Build, CompiledCode] = {}
        self.code_wasm = stored.path(CODE)
        self.code_hash = stored.hashes[CODE]
        self.source_hash = source.wasm_sha256
        self.stdlib_zip = source.stdlib_zip
        self.stdlib_hash = source.stdlib_sha256
        self.memory_pages = int(stored.facts[MEMORY_PAGES])
        self.stack_pointer = int(stored.facts[STACK_POINTER])

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """What the memory holds before the first instruction; the rest is zero. Read when first asked for.

        Raises:
            EnvironmentProblem: the cache was changed meanwhile.
        """
        return read_segments(self._stored)

    @cached_property
    def function_names(self) -> Mapping[int, str]:
        """Names by function index, for tracebacks. Read when first asked for. Raises as `segments` does."""
        return read_names(self._stored)

    def module(self, build: Build) -> CompiledCode:
        """Get the compiled code; every call for a build gives the same. Compiles it where the cache has none.

        Raises:
            EnvironmentProblem: the cache can't be written, or this machine can't compile or load the code.
        """
        with self._lock:
            if build not in self._compiled:
                self._compiled[build] = self._load(build)
            return self._compiled[build]

    def _load(self, build: Build) -> CompiledCode:
        engine = new_engine(build)
        entry = Entry(self._cache, f"module-{build}", join_key(self.code_hash, config_key(build)))
        try:
            return _deserialize(engine, self._obtain(entry, engine, build))
        except wasmtime.WasmtimeError:
            entry.discard()  # whole, but not for this machine after all
        try:
            return _deserialize(engine, self._obtain(entry, engine, build))
        except wasmtime.WasmtimeError as error:
            raise EnvironmentProblem(f"wasmtime can't load {entry.folder / COMPILED}: {error}") from error

    def _obtain(self, entry: Entry, engine: wasmtime.Engine, build: Build) -> Stored:
        def compile_code() -> Content:
            self._progress.step("compile", f"{build} build, about 15 s, once")
            code = self._stored.read(CODE)
            try:
                return Content({COMPILED: bytes(wasmtime.Module(engine, code).serialize())})
            except wasmtime.WasmtimeError as error:
                raise EnvironmentProblem(f"wasmtime can't compile {self.code_wasm}: {error}") from error

        wait = f"another process is preparing the {build} build"
        return entry.obtain(compile_code, lambda: self._progress.step("wait", wait))


def _deserialize(engine: wasmtime.Engine, stored: Stored) -> CompiledCode:
    """Map compiled code. It is trusted code for this process: only what was just hashed may come here."""
    return CompiledCode(engine, wasmtime.Module.deserialize_file(engine, str(stored.path(COMPILED))))
