"""Contract code, understood: its files and its version (spec/executor.md 6.1, 6.2). How it starts: `runners`."""

from __future__ import annotations

from dataclasses import dataclass, field

from .runners.archive import Archive
from .runners.forms import read_contract
from .runners.version import Version


@dataclass(frozen=True, slots=True)
class Contract:
    """Contract code, taken apart."""

    version: Version
    archive: Archive = field(repr=False)


def parse_contract(code: bytes) -> Contract:
    """Read contract code, whatever its form.

    Raises:
        VmError: `invalid_contract`, with the detail the protocol knows and, as `cause`, the reason for people.
    """
    archive = read_contract(code)
    return Contract(archive.version, archive)
