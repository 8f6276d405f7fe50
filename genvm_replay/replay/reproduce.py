"""A difference as a test: an archive with the run, and a pytest file that fails as long as it replays differently."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from .. import __version__
from ..errors import Mismatch, UsageError
from ..executor.python_runtime.cache import default_cache
from ..executor.python_runtime.runtime import PythonRuntime
from ..journal.archive import ArchiveWriter, RunRecord, read_archive
from ..journal.memory_store import MemoryStore
from ..journal.recorder import FinishedRun
from ..journal.source import MemorySource
from ..journal.transfer import opened
from .reexecute import reexecute
from .workbench import Workbench

CACHE_VARIABLE, RUNNERS_VARIABLE = "GENVM_REPLAY_CACHE", "GENVM_REPLAY_RUNNERS"
SHOWN_CHARS: Final = 300
TEST: Final = '''"""Transaction {tx} replays differently; this fails as long as it does.

Written by `genvm-replay minimise`, of {events} events. It needs the package genvm-replay and the archive beside it.
"""

from pathlib import Path

from genvm_replay.replay.reproduce import differences_in

ARCHIVE = Path(__file__).with_name({archive!r})
FOUND_FIRST = (
    {difference!r}
)


def test_{name}_replays_identically() -> None:
    """The record is the same again; when this was written, it was not: see FOUND_FIRST."""
    found = [str(difference) for difference in differences_in(ARCHIVE)]
    assert not found, found
'''


def test_text(finished: FinishedRun, difference: Mismatch, archive: str) -> str:
    """The pytest file, for an archive of this name in the same folder. Nothing of a journal gets into its code."""
    tx = finished.header.tx.hex()
    return TEST.format(
        tx=f"0x{tx}",
        name=f"0x{tx[:12]}",
        events=finished.event_count,
        archive=archive,
        difference=str(difference)[:SHOWN_CHARS],
    )


def write_archive(finished: FinishedRun, method: str | None, out: BinaryIO) -> None:
    """Write one run as an archive file (docs/capsule-format.md)."""
    stored, now = finished.stored, datetime.now(UTC).isoformat(timespec="seconds")
    hashed = (stored.header, stored.footer, stored.lines, stored.field_tags, stored.root)
    writer = ArchiveWriter(out)
    writer.add(RunRecord(*hashed, method, now, __version__), MemorySource(finished.segments, finished.blobs))
    writer.finish()


def differences_in(archive: Path, environment: Mapping[str, str] = os.environ) -> list[Mismatch]:
    """Re-execute the runs of an archive; the first difference of each that has one.

    Args:
        environment: GENVM_REPLAY_CACHE and GENVM_REPLAY_RUNNERS are heeded, as on the command line.

    Raises:
        UsageError: the file can't be read. JournalError: it is no archive, or damaged.
        EnvironmentProblem: the runtime or the runners are not in order.
    """
    chosen, runners = environment.get(CACHE_VARIABLE), environment.get(RUNNERS_VARIABLE)
    runtime = PythonRuntime(Path(chosen) if chosen else default_cache(environment))
    bench = Workbench(MemoryStore(), lambda: runtime, runners_dir=Path(runners) if runners else None)
    try:
        with archive.open("rb") as file:
            runs = [opened(one) for one in read_archive(file, os.fstat(file.fileno()).st_size)]
        reports = [reexecute(run, bench) for run in runs]
    except OSError as error:
        raise UsageError(f"can't read {archive}: {error.strerror}") from error
    finally:
        bench.close()
    return [report.divergence for report in reports if report.divergence is not None]
