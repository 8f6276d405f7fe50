"""Runtimes that are not as they should be: the product's, with other host functions on some of its builds.

What a leak in the door, or an engine that computes otherwise, looks like to a record can only be seen with one that has
it. Everything else is the real thing: the interpreter, its images, the contract.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path

from msgspec import structs

from genvm_replay.executor.engine import Build
from genvm_replay.executor.guest import Guest
from genvm_replay.executor.host_functions import HostFunction
from genvm_replay.executor.instance import Program
from genvm_replay.executor.python_runtime.runtime import IMPORTS, PythonRuntime
from genvm_replay.executor.wasip1.errno import Errno
from genvm_replay.executor.wasip1.process import random_get
from genvm_replay.executor.wasip1.table import WASI_CALLS
from genvm_replay.journal.run import Pins

WASI = "wasi_snapshot_preview1"


def clock_past_the_door(guest: Guest, _clock_id: int, _precision_ns: int, out_ptr: int) -> Errno:
    """The machine's own clock: nobody records it."""
    guest.memory.write_u64(out_ptr, time.time_ns())
    return Errno.SUCCESS


def random_otherwise(guest: Guest, out_ptr: int, length: int) -> Errno:
    """Asks as it should, and gives the guest the bytes with one bit turned."""
    errno = random_get(guest, out_ptr, length)
    guest.memory.write(out_ptr, bytes((guest.memory.read(out_ptr, 1)[0] ^ 1,)))
    return errno


class OtherRuntime(PythonRuntime):
    """The product's runtime, but for one host function on some builds, and what it says of its engine."""

    def __init__(
        self, cache: Path, name: str, call: Callable[..., int], builds: Collection[Build], engine: str = ""
    ) -> None:
        super().__init__(cache)
        self._replaced = {name: HostFunction(call, WASI_CALLS[name].params)}
        self._other_builds = builds
        self._says = engine

    @cached_property
    def pins(self) -> Pins:
        """Those of the product, or with another engine."""
        pins = PythonRuntime(self._prepared._cache).pins
        return structs.replace(pins, engine=self._says) if self._says else pins

    def program(self, build: Build) -> Program:
        """The interpreter, with the other host function where it is wanted."""
        if build in self._other_builds and build not in self._programs:
            engine, module = self._prepared.module(build)
            imports = {**IMPORTS, WASI: {**WASI_CALLS, **self._replaced}}
            self._programs[build] = Program(engine, module, build, imports)
        return super().program(build)
