"""The launcher's process: our own executor, loaded and ready, forked for each run; other programs are executed.

`python -m genvm_replay.manager.worker SOCKET CACHE`. Writes `ready` and a line end to standard output, ends when its
standard input does. A piece of work is `run`, with a `Task` on standard input, the log on LOG_FILE and the record to
RECORD_FILE; or `exec PROGRAM ARGUMENTS...`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from ..errors import ReplayError
from ..forking.link import FAILED
from ..forking.server import ForkServer, reserve_numbers

LOG_FILE: Final = 3
RECORD_FILE: Final = 4
DECIMAL_DIGITS_MAX: Final = 100_000  # of an integer that is printed; Python's own limit is 4300
RECURSION_MAX: Final = 5_000  # frames; calldata nests up to 512 deep, several frames a level


def main() -> None:
    """Load, listen, serve."""
    socket, cache = sys.argv[1:]
    reserve_numbers()
    sys.set_int_max_str_digits(DECIMAL_DIGITS_MAX)
    sys.setrecursionlimit(RECURSION_MAX)
    run = prepare(Path(cache))
    server = ForkServer(Path(socket), lambda arguments: work(arguments, run), lifeline=0)
    os.write(1, b"ready\n")
    os.close(1)
    os.open(os.devnull, os.O_WRONLY)
    server.serve()


def prepare(cache: Path) -> Callable[[Any], int]:
    """Load what runs need; gives what does one."""
    from ..executor.engine import Build
    from ..executor.python_runtime.runtime import shared_runtime
    from .worker_run import run_task

    runtime = shared_runtime(cache)
    runtime.make_ready(Build.EPOCH)
    return lambda task: run_task(task, runtime, log, RECORD_FILE)


def work(arguments: list[str], run: Callable[[Any], int]) -> NoReturn:
    """Do one piece of work in the forked process, and end it."""
    code = FAILED
    try:
        if arguments[0] == "exec":
            os.execv(arguments[1], arguments[1:])
        from .worker_run import read_task

        code = run(read_task(0))
    except (ReplayError, OSError) as error:
        log({"level": "error", "message": str(error) or type(error).__name__})
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


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
