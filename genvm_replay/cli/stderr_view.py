"""What a recorded run that failed wrote to standard error: an author finds the traceback there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from genvm_replay.cli.output import STREAMS
from genvm_replay.errors import PayloadRedacted

if TYPE_CHECKING:
    from genvm_replay.journal.stored import StoredRun

BYTES_SHOWN: Final = 16 << 10  # the end, where the traceback is


def stderr_of(run: StoredRun) -> str:
    """The end of standard error, all lines of the journal after each other; nothing for a run that returned."""
    from genvm_replay.journal.events import WriteStream

    if run.footer.kind == "return":
        return ""
    written = bytearray()
    for line in run.lines():
        for event in run.read_shown(line.name):
            if isinstance(event, PayloadRedacted):
                continue
            request = event.request
            if isinstance(request, WriteStream) and STREAMS.get(request.stream) == "stderr":
                written += request.data
                del written[:-BYTES_SHOWN]
    return written.decode(errors="replace")
