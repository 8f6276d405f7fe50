"""The errno values that our wasip1 answers with (WASI preview 1, `errno`)."""

from __future__ import annotations

from enum import IntEnum


class Errno(IntEnum):
    """Numbers of WASI preview 1; names without the `E`."""

    SUCCESS = 0
    ACCES = 2
    BADF = 8
    ILSEQ = 25
    INVAL = 28
    ISDIR = 31
    NOENT = 44
    NOTSUP = 58
    OVERFLOW = 61
    ROFS = 69
    SPIPE = 70
