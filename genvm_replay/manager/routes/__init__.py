"""The endpoints, a file a theme. `OPERATIONS` has them all."""

from __future__ import annotations

from typing import Final

from ..operation import Operation
from . import contracts, genvm, journal, modules, replays, settings, status

OPERATIONS: Final[tuple[Operation, ...]] = (
    *status.OPERATIONS,
    *modules.OPERATIONS,
    *genvm.OPERATIONS,
    *contracts.OPERATIONS,
    *settings.OPERATIONS,
    *replays.OPERATIONS,
    *journal.OPERATIONS,
)
