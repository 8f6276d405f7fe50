"""A connected socket that never blocks without bound.

Python bounds a read or write with one more system call each, which costs a tenth of a round trip on one machine. So the
kernel bounds the usual ones, which come or go whole; where something is left over, Python bounds the rest.
"""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from struct import Struct
from typing import Final

WAIT_MIN_S: Final = 0.001  # 0 would mean "do not wait" to Python and "wait for ever" to the kernel
IN_KERNEL: Final = os.name == "posix"  # elsewhere the options below mean something else
_TIMEVAL: Final = Struct("@ll")  # seconds, microseconds


def _bound(connection: socket.socket, option: int, seconds: float) -> None:
    micros = int(max(WAIT_MIN_S, seconds) * 1e6)
    connection.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL.pack(*divmod(micros, 10**6)))


def bound_sending(connection: socket.socket, seconds: float) -> None:
    """Let a blocking `send` fail when the peer has taken nothing for so long; no effect where the kernel can't."""
    if IN_KERNEL:
        _bound(connection, socket.SO_SNDTIMEO, seconds)


class TimedSocket:
    """Owns a connection. Its methods raise OSError; TimeoutError and BlockingIOError if the time is up."""

    def __init__(
        self, connection: socket.socket, *, receive_s: float, send_s: float, in_kernel: bool = IN_KERNEL
    ) -> None:
        """
        Args:
            receive_s: for one read that names no time of its own.
            send_s: for one whole write. It may take twice as long where the last bytes get stuck.
        """
        self._socket = connection
        self._receive_s = receive_s
        self._send_s = send_s
        self._in_kernel = in_kernel
        if in_kernel:
            self._poll = select.poll()
            self._poll.register(connection, select.POLLIN)
            connection.settimeout(None)
            _bound(connection, socket.SO_RCVTIMEO, receive_s)
            bound_sending(connection, send_s)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        sent = self._socket.send(data) if self._in_kernel else 0
        if sent < len(data):
            self._socket.settimeout(self._send_s)
            self._socket.sendall(memoryview(data)[sent:])  # the time counts for all of it
            self._rest()

    def receive(self, buffer: memoryview, wait_s: float | None = None) -> int:
        """Wait for bytes, for `wait_s` or else the usual time; 0 at the end of the stream."""
        if wait_s is None and self._in_kernel:
            return self._socket.recv_into(buffer)
        self._socket.settimeout(self._receive_s if wait_s is None else max(WAIT_MIN_S, wait_s))
        size = self._socket.recv_into(buffer)
        self._rest()
        return size

    def has_news(self) -> bool:
        """Whether `receive` would not wait: bytes have come, or the end, or an error."""
        if self._in_kernel:
            return bool(self._poll.poll(0))
        return bool(select.select([self._socket], [], [], 0)[0])

    def cut(self) -> None:
        """End the connection from another thread: a `send` or `receive` that waits ends at once."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; twice does no harm. While another thread waits in here: `cut` first."""
        self._socket.close()

    def _rest(self) -> None:
        """Leave bounding to the kernel again."""
        if self._in_kernel:
            self._socket.settimeout(None)
