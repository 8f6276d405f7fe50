"""Contract code, understood: its files and its version (spec/executor.md 6.1, 6.2). How it starts: `runners`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from .runners.archive import Archive
from .runners.forms import read_contract
from .runners.version import Version

CONTRACTS_KEPT: Final = 32  # taken apart, in this process
REMEMBERED_BYTES_MAX: Final = 1 << 20  # larger code is read anew each time


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """Contract code, taken apart. The same code gives the same object, as long as it is remembered."""

    version: Version
    archive: Archive = field(repr=False)


def parse_contract(code: bytes) -> Contract:
    """Read contract code, whatever its form.

    Raises:
        VmError: `invalid_contract`, with the detail the protocol knows and, as `cause`, the reason for people.
    """
    return _remembered(code) if len(code) <= REMEMBERED_BYTES_MAX else _parse(code)


def _parse(code: bytes) -> Contract:
    archive = read_contract(code)
    return Contract(archive.version, archive)


_remembered = lru_cache(maxsize=CONTRACTS_KEPT)(_parse)
