"""What crosses the socket between whoever has work and the process that forks for it.

Request: u32 length and that many bytes, with the files' descriptors as ancillary data; TAKEN says that the work has
begun. Then one byte for each signal, its number. Answer: i32, the exit code, or minus the number of the signal that
ended the work. Little endian. Either side's end of stream means that it is gone. This module is imported at the start
of each `genvm`: builtins only.
"""

from __future__ import annotations

import os
import struct
import sys

TYPE_CHECKING = False  # the module `typing` is slow to import
if TYPE_CHECKING:
    import socket

SOCKET_VARIABLE = "GENVM_WARM"
FAILED = 1  # exit code of work that did not come to an end of its own
TAKEN = b"\1"
HEADER = struct.Struct("<I")
ANSWER = struct.Struct("<i")
REQUEST_BYTES_MAX = 8 << 20  # a command line and an environment; Linux allows 2 MiB for both
FILES_MAX = 8
NUMBER_MAX = 99  # of a descriptor that a client may name
CREDENTIALS = struct.Struct("3i")  # process, user, group
SEPARATOR = b"\0"  # can't be part of an argument, a variable or a path


class Request:
    """One command line with its surroundings.

    Attributes:
        release: which release asks; another one must not answer.
        folder: the present one.
        numbers: under which descriptor numbers the sent files are known.
    """

    def __init__(
        self,
        release: str,
        folder: str,
        numbers: list[int],
        arguments: list[str],
        environment: dict[str, str],
    ) -> None:
        self.release = release
        self.folder = folder
        self.numbers = numbers
        self.arguments = arguments
        self.environment = environment

    def encode(self) -> bytes:
        """The bytes after the length."""
        counts = f"{len(self.numbers)} {len(self.arguments)}"
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        texts = [self.release, self.folder, counts, *map(str, self.numbers), *self.arguments, *pairs]
        return SEPARATOR.join(map(os.fsencode, texts))

    @classmethod
    def decode(cls, data: bytes) -> Request:
        """The inverse.

        Raises:
            ValueError: not made by `encode`.
        """
        try:
            release, folder, counts, *rest = map(os.fsdecode, data.split(SEPARATOR))
            files, words = map(int, counts.split())
            numbers, arguments = [int(number) for number in rest[:files]], rest[files : files + words]
            environment = dict(pair.split("=", 1) for pair in rest[files + words :])
        except ValueError as error:
            raise ValueError(f"not a request: {error}") from error
        if len(numbers) != files or files > FILES_MAX or len(arguments) != words:
            raise ValueError("not a request: counts that do not fit")
        return cls(release, folder, numbers, arguments, environment)


def user_of(link: socket.socket) -> int:
    """The user of the process at the other end; -1 where the system does not tell."""
    import socket

    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return -1
    return int(CREDENTIALS.unpack(link.getsockopt(socket.SOL_SOCKET, option, CREDENTIALS.size))[1])


def release() -> str:
    """Names the installed code: its version, its place, and when it was put there.

    A file tells when. Its folder does not: that changes with the first import, which puts compiled code there.
    """
    import genvm_replay

    place = genvm_replay.__file__
    return f"{genvm_replay.__version__} {place} {os.stat(place).st_mtime_ns} {sys.version}"
