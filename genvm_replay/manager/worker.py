"""The launcher's process: our own executor, loaded and ready, forked for each run; other programs are executed.

`python -m genvm_replay.manager.worker SOCKET CACHE`. Writes `ready` and a line end to standard output, ends when its
standard input does. A piece of work is `run`, with a `Task` on standard input, the log on LOG_FILE and the record to
RECORD_FILE; or `exec PROGRAM ARGUMENTS...`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from ..errors import ReplayError
from ..forking.link import FAILED
from ..forking.server import ForkServer, reserve_numbers

LOG_FILE: Final = 3
RECORD_FILE: Final = 4
HINT_BYTES_MAX: Final = 4096
DECIMAL_DIGITS_MAX: Final = 100_000  # of an integer that is printed; Python's own limit is 4300
RECURSION_MAX: Final = 5_000  # frames; calldata nests up to 512 deep, several frames a level


def main() -> None:
    """Load, listen, serve."""
    path, cache = sys.argv[1:]
    reserve_numbers()
    sys.set_int_max_str_digits(DECIMAL_DIGITS_MAX)
    sys.setrecursionlimit(RECURSION_MAX)
    worker = Worker(Path(cache))
    server = ForkServer(Path(path), worker.work, lifeline=0)
    server.hear(worker.hints.fileno(), worker.take_hint)
    os.write(1, b"ready\n")
    os.close(1)
    os.open(os.devnull, os.O_WRONLY)
    server.serve()


class Worker:
    """The loaded executor. In the process that forks it stays ready; in a forked one it does a piece of work.

    Attributes:
        hints: what forked processes say that they had to open: images of contracts, which the next one finds open.
    """

    def __init__(self, cache: Path) -> None:
        """Load what runs need.

        Raises:
            EnvironmentProblem: the runtime can't be made ready.
        """
        from ..executor.engine import Build
        from ..executor.python_runtime.runtime import shared_runtime
        from .worker_run import run_task

        self._run_task = run_task
        self._runtime = shared_runtime(cache)
        self._runtime.make_ready(Build.EPOCH)
        self.hints, self._hints_in = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self.hints, self._hints_in):
            end.setblocking(False)

    def take_hint(self) -> None:
        """Open an image that a forked process has used."""
        with suppress(OSError, UnicodeDecodeError):
            self._runtime.open_image(self.hints.recv(HINT_BYTES_MAX).decode())

    def work(self, arguments: list[str]) -> NoReturn:
        """Do one piece of work in the forked process, and end it."""
        code = FAILED
        try:
            if arguments[0] == "exec":
                os.execv(arguments[1], arguments[1:])
            code = self._run()
        except (ReplayError, OSError) as error:
            log({"level": "error", "message": str(error) or type(error).__name__})
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    def _run(self) -> int:
        from .worker_run import read_task

        before = self._runtime.open_images()
        code = self._run_task(read_task(0), self._runtime, log, RECORD_FILE)
        for key in self._runtime.open_images() - before:
            with suppress(OSError):  # it is only a hint
                self._hints_in.send(key.encode())
        return code


def log(line: Mapping[str, Any]) -> None:
    """Write one line of the log."""
    with suppress(OSError):  # whoever reads it has gone: no reason to fail the run
        os.write(LOG_FILE, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        main()
    except ReplayError as error:
        sys.exit(f"genvm-replay: {error}")
