"""What the service tells the nursery: first what all workers have in common, then orders."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .limits import LuaLimits
from .values import LuaValue

ORDER: Final = struct.Struct("<cQ")  # what to do, and with which worker: the service numbers them
FORK: Final = b"f"  # with the worker's end of its pipe as a file descriptor
KILL: Final = b"k"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all workers of a pool have in common.

    Attributes:
        source: the script's text.
        name: of the script's file, for error texts.
        libraries: folders, or paths with `?`, for `require`.
        effects: dotted names of the functions that the service answers.
        tables: constant tables by dotted names.
        required: global functions that the script has to define.
    """

    source: bytes
    name: str
    libraries: list[str]
    effects: list[str]
    tables: Mapping[str, LuaValue]
    required: list[str]
    limits: LuaLimits
