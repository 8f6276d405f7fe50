"""The process that the manager's jobs are forked from: commands of `genvm-replay`, with what they import loaded.

`python -m genvm_replay.cli.job_server SOCKET CACHE`. Writes `ready` and a line end to standard output, ends when its
standard input does. It runs code of strangers, so it is another process than the one that runs start from.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

FILE_BYTES_MAX: Final = 4 << 30  # that a job may write to one file
NICENESS: Final = 5  # runs of nodes come first


def main() -> None:
    """Load, listen, serve."""
    from genvm_replay.forking.server import ForkServer

    load_code()
    server = ForkServer(Path(sys.argv[1]), work, lifeline=0)
    os.write(1, b"ready\n")
    os.close(1)
    os.open(os.devnull, os.O_WRONLY)
    server.serve()


def load_code() -> None:
    """Import what the commands import on their way."""
    from genvm_replay.cli import archives, contracts, diff, main, replays, report
    from genvm_replay.executor.python_runtime import runtime
    from genvm_replay.journal import database_store, sqlite_database, transfer
    from genvm_replay.replay import compare, examine, reexecute, run_facts, schema, workbench

    _ = archives, contracts, diff, main, replays, report, runtime, database_store, sqlite_database, transfer
    _ = compare, examine, reexecute, run_facts, schema, workbench


def work(arguments: list[str]) -> NoReturn:
    """Do one command line in the forked process."""
    from genvm_replay.cli.main import program
    from genvm_replay.cli.program import run

    os.nice(NICENESS)
    with suppress(OSError):  # where memory is short, a job is what has to go
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
    sys.argv = ["genvm-replay", *arguments]
    run(program)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    main()
