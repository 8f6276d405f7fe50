"""The pipe between service and worker: a length, then msgpack of a list whose first item says what it is.

Strict turns. The service says `begin ctx`, `invoke function arguments`, and answers `effect name arguments` with
`value v`, `error e` or `failure text`; the worker says `ready` or `effect`, and ends an invocation with `result v`,
`error e` or `failure code text`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, Final

import msgpack

from ...errors import LocalProtocolError, ReplayError

HEADER: Final = struct.Struct("<I")


class WorkerLost(ReplayError):
    """The other end of the pipe is gone, or says what it can't say: nothing more comes of it."""


def encode(message: list[Any], *, size_max: int) -> bytes:
    """One frame.

    Raises:
        LocalProtocolError: more than `size_max` bytes.
    """
    body: bytes = msgpack.packb(message, unicode_errors="replace")
    if len(body) > size_max:
        raise LocalProtocolError(f"{len(body)} bytes in one message, limit {size_max}")
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> list[Any]:
    """The message of a frame's body.

    Raises:
        WorkerLost: not a message.
    """
    try:
        message = msgpack.unpackb(body, strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise WorkerLost(f"the worker's message can't be read: {error}") from error
    if not isinstance(message, list) or not message:
        raise WorkerLost("the worker said what is no message")
    return message


async def read(reader: asyncio.StreamReader, *, size_max: int) -> list[Any]:
    """The worker's next message.

    Raises:
        WorkerLost: it is gone, or announces more than `size_max` bytes.
    """
    try:
        (size,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        if size > size_max:
            raise WorkerLost(f"the worker announced {size} bytes, limit {size_max}")
        return decode(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, OSError) as error:
        raise WorkerLost("the worker's process ended") from error


def receive(pipe: socket.socket) -> list[Any] | None:
    """The service's next message; None when the service is gone. Blocks."""
    header = _exactly(pipe, HEADER.size)
    body = header and _exactly(pipe, HEADER.unpack(header)[0])
    return decode(body) if body else None


def _exactly(pipe: socket.socket, size: int) -> bytes:
    """`size` bytes, or none at the end of the stream."""
    got = bytearray(size)
    view, at = memoryview(got), 0
    while at < size:
        count = pipe.recv_into(view[at:])
        if count == 0:
            return b""
        at += count
    return bytes(got)
