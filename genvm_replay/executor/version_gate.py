"""Which contract versions a transaction's time admits (spec/executor.md 4.5)."""

from __future__ import annotations

from typing import Final

from ..journal.run import Message
from .moment import clock_ns
from .stops import VmError

Version = tuple[int, int, int]
FIRST: Final[Version] = (0, 1, 0)
ADMITTED: Final[tuple[tuple[int, Version], ...]] = (
    (1722502800, (0, 1, 0)),
    (1751360400, (0, 1, 3)),
    (1752148619, (0, 1, 6)),
    (1752148619, (0, 1, 10)),
)
"""From this Unix second on, contracts up to this version."""


def check_version(version: Version, message: Message) -> None:
    """Check a contract's version.

    Raises:
        VmError: `version_too_big`.
    """
    now = clock_ns(message) // 10**9
    highest = [admitted for since, admitted in ADMITTED if since <= now]
    if version > (highest[-1] if highest else FIRST):
        raise VmError(
            "version_too_big", f"v{'.'.join(map(str, version))} is not admitted at {message.datetime}"
        )
