"""Requests to the host and their answers (sdk.md section 1.12)."""

import os
import typing

import _genlayer_wasi as wasi

from genlayer.py import calldata
from genlayer.py.types import Lazy

_T = typing.TypeVar("_T")

_READ_SIZE: typing.Final = 1 << 16


def perform(request: dict[str, typing.Any]) -> bytes | None:
    """Send a request with one key, its kind. Gives the answer, None where the kind has none."""
    fd = wasi.gl_call(calldata.encode(request))
    return None if fd == wasi.NO_RESULT else read_answer(fd)


def perform_lazily(request: dict[str, typing.Any], decode: typing.Callable[[bytes], _T]) -> Lazy[_T]:
    """Send a request now; read and decode its answer when it is asked for."""
    fd = wasi.gl_call(calldata.encode(request))
    return Lazy(lambda: decode(read_answer(fd)))


def read_answer(fd: int) -> bytes:
    """Read a result file to its end and close it."""
    try:
        return b"".join(iter(lambda: os.read(fd, _READ_SIZE), b""))
    finally:
        os.close(fd)
