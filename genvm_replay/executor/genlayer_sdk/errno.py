"""What the functions of genlayer_sdk answer (docs/genlayer-sdk-wasi.txt, Interface Definition)."""

from __future__ import annotations

from enum import IntEnum


class Errno(IntEnum):
    """Error numbers of genlayer_sdk."""

    SUCCESS = 0
    OVERFLOW = 1
    INVAL = 2
    FAULT = 3
    ILSEQ = 4
    IO = 5
    FORBIDDEN = 6
    INBALANCE = 7
