"""What a child process gets in place of its descriptors: pipes that the event loop reads as they fill."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

READ_BYTES: Final = 64 << 10

Taker = Callable[[bytes], None]


class Pipes:
    """The descriptors of one child process.

    Attributes:
        files: what the child gets, by the numbers that it knows them under.
    """

    def __init__(self) -> None:
        self.files: dict[int, int] = {}
        self._loop = asyncio.get_running_loop()
        self._readers: dict[int, Taker] = {}

    def add(self, number: int, take: Taker) -> None:
        """A pipe; `take` is given what the child writes."""
        mine, self.files[number] = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(mine, False)
        self._readers[mine] = take
        self._loop.add_reader(mine, self._hear, mine)

    def silence(self, *numbers: int) -> None:
        """Nothing to read, and nobody who hears."""
        for number in numbers:
            self.files[number] = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def give(self, number: int, data: bytes) -> None:
        """A file in memory, to be read from its start."""
        file = self.files[number] = os.memfd_create("genvm", os.MFD_CLOEXEC)
        with open(file, "wb", closefd=False) as content:
            content.write(data)
        os.lseek(file, 0, os.SEEK_SET)

    def handed_over(self) -> None:
        """Close what only the child needs."""
        while self.files:
            os.close(self.files.popitem()[1])

    def finish(self) -> None:
        """Take what is still in the pipes, and close everything, even where a child of the child still writes."""
        for pipe, take in self._readers.items():
            self._loop.remove_reader(pipe)
            left = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)  # more comes from one that will never end
            while left > 0 and (data := _read(pipe)):
                left -= len(data)
                take(data)
            os.close(pipe)
        self._readers.clear()
        self.handed_over()

    def _hear(self, pipe: int) -> None:
        data = _read(pipe)
        if data:
            self._readers[pipe](data)
        elif data is not None:
            self._loop.remove_reader(pipe)


def _read(pipe: int) -> bytes | None:
    """What is in a pipe: b"" at its end, None if nothing is yet."""
    with suppress(BlockingIOError):
        return os.read(pipe, READ_BYTES)
    return None
