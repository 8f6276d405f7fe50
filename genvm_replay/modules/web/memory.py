"""A bound on the memory of a group of processes, read from /proc: over it, the largest of them is killed.

In a browser that is the process of the page which needs most: its page fails, the others go on.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

PAGE_SIZE: Final = os.sysconf("SC_PAGE_SIZE")
INTERVAL_S: Final = 0.25


async def keep_below(size_max: int, group: int, *, is_busy: Callable[[], bool]) -> None:
    """Watch a process group until cancelled, while it is busy; `size_max` is bytes of memory that is not shared."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        sizes = await asyncio.to_thread(private_sizes, group) if is_busy() else {}
        if sum(sizes.values()) > size_max:
            with suppress(ProcessLookupError):
                os.kill(max(sizes, key=lambda pid: sizes[pid]), signal.SIGKILL)


def private_sizes(group: int) -> dict[int, int]:
    """The bytes of memory that each process of a group has for itself, by process id."""
    sizes = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError, ValueError, IndexError):
                state = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if int(state[2]) == group:
                    _, resident, shared, *_ = Path(f"/proc/{entry}/statm").read_text().split()
                    sizes[int(entry)] = (int(resident) - int(shared)) * PAGE_SIZE
    return sizes
