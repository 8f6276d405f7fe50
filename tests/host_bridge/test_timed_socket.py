"""Sockets that never block without bound, whether the kernel or Python keeps the time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from genvm_replay.host_bridge.timed_socket import TimedSocket

SOON_S, LONG_S = 0.03, 5.0
Pair = tuple[TimedSocket, socket.socket]


@pytest.fixture(params=[True, False], ids=["kernel", "python"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(LONG_S)
    timed = TimedSocket(ours, receive_s=SOON_S, send_s=SOON_S, in_kernel=request.param)
    yield timed, theirs
    timed.close()
    theirs.close()


def test_bytes_go_both_ways(pair: Pair) -> None:
    """And `has_news` tells before they are read."""
    timed, theirs = pair
    buffer = memoryview(bytearray(10))
    assert not timed.has_news()
    timed.send(b"there")
    assert theirs.recv(10) == b"there"
    theirs.sendall(b"back")
    assert timed.has_news()
    assert timed.receive(buffer) == 4
    theirs.sendall(b"again")
    assert timed.receive(buffer, LONG_S) == 5
    theirs.close()
    assert timed.has_news()
    assert timed.receive(buffer) == 0


@pytest.mark.parametrize("wait_s", [None, SOON_S, 0.0, -1.0])
def test_reads_are_bounded(pair: Pair, wait_s: float | None) -> None:
    """By their own time or the usual one, also where none is left; the next read has the usual one again."""
    begin = time.monotonic()
    for wait in (wait_s, None):
        with pytest.raises((TimeoutError, BlockingIOError)):
            pair[0].receive(memoryview(bytearray(1)), wait)
    assert time.monotonic() - begin < 1


def test_writes_are_bounded(pair: Pair) -> None:
    """Where nobody reads, and where somebody reads a little now and then."""
    timed, theirs = pair
    begin = time.monotonic()
    with pytest.raises((TimeoutError, BlockingIOError)):
        timed.send(bytes(1 << 24))
    theirs.setblocking(False)
    over = threading.Event()

    def sip() -> None:
        while not over.wait(SOON_S / 5):
            theirs.recv(4096)

    reader = threading.Thread(target=sip)
    reader.start()
    with pytest.raises((TimeoutError, BlockingIOError)):
        timed.send(bytes(1 << 24))
    over.set()
    reader.join()
    assert time.monotonic() - begin < 1


def test_cutting(pair: Pair) -> None:
    """A read that waits ends at once; closing afterwards, twice, is fine."""
    timed, _ = pair
    stopper = threading.Timer(SOON_S / 3, timed.cut)
    stopper.start()
    assert timed.receive(memoryview(bytearray(1)), LONG_S) == 0
    stopper.join()
    timed.close()
    timed.close()
    timed.cut()
