"""Measures the host protocol over a Unix socket: how near `HostClient.storage_read` comes to a bare socket.

Three rates of one run: a bare ping-pong of the same sizes (`sendall` and `recv_into` on prepared buffers),
`storage_read` against that same bare peer, and `storage_read` against our own server. Medians of many short rounds that
take turns; the best round is a quiet moment of the machine. The target is 0.6 of the bare socket, by the medians.

Peers are other processes on the same core. On several cores the rate of a connection depends on where the scheduler put
its two ends, up to tenfold (`--spread` shows it).
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.host_bridge.blocking_server import BlockingHostServer  # noqa: E402
from genvm_replay.host_bridge.client import HostClient, connect  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.host_bridge.transport import Listener, dial, parse_uri  # noqa: E402
from genvm_replay.host_bridge.wire import encode_request  # noqa: E402
from genvm_replay.journal.events import StorageRead  # noqa: E402

TARGET = 0.6
REQUEST_SIZE = 62
CONTRACT, SLOT = b"c" * 20, b"s" * 32
READY = "ready"


class EmptyState:
    """Committed state without anything in it."""

    def read_page(self, _address: bytes, _slot: bytes, _page: int) -> bytes:
        """Nothing was written."""
        return b""

    def balance(self, _address: bytes) -> int:
        """Nobody owns anything."""
        return 0


def main() -> int:
    """Print the rates; 1 if the share is below the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="requests of one measurement")
    parser.add_argument("--rounds", type=int, default=101, help="measurements of each kind")
    parser.add_argument("--size", type=int, default=32, help="bytes of one storage read")
    parser.add_argument("--spread", action="store_true", help="let the processes run on any core")
    parser.add_argument("--peer", nargs=2, metavar=("KIND", "URI"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        PEERS[options.peer[0]](options.peer[1], options.size)
        return 0
    if not options.spread and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the peers inherit it
    request = StorageRead(0, CONTRACT, SLOT, 0, options.size)
    assert len(encode_request(request)) == REQUEST_SIZE
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        rates = measure(stack, folder, request, options.requests, options.rounds)
    bare, client, _ = (statistics.median(rate) for rate in rates)
    best_bare = max(rates[0])
    sizes = f"requests of {REQUEST_SIZE} bytes, answers of {options.size + 1}"
    print(f"{options.requests} {sizes}, median of {options.rounds} rounds")
    for name, rate in zip(
        ("bare socket", "storage_read, bare peer", "storage_read, our server"), rates, strict=True
    ):
        median, best = statistics.median(rate), max(rate)
        print(
            f"{name:<26}{median:10,.0f} round trips/s, {1e6 / median:5.1f} us, share {median / bare:.2f};"
            f" best round {1e6 / best:5.1f} us, share {best / best_bare:.2f}"
        )
    print(f"target: a share of {TARGET} against the bare peer")
    return 0 if client / bare >= TARGET else 1


def measure(
    stack: ExitStack, folder: str, request: StorageRead, requests: int, rounds: int
) -> list[list[float]]:
    """Rates of the three kinds, taken in turns so that a busy moment of the machine hits all of them."""
    uris = [f"unix://{folder}/{number}" for number in range(3)]
    for kind, uri in zip(("bare", "bare", "server"), uris, strict=True):
        stack.enter_context(peer(kind, uri, request.length))
    bare = stack.enter_context(dial(parse_uri(uris[0]), 5.0))
    bare.settimeout(None)
    clients = [stack.enter_context(connect(uri)) for uri in uris[1:]]
    works: list[Callable[[], None]] = [
        lambda: ping_pong(bare, encode_request(request), request.length + 1, requests)
    ]
    works += [lambda client=client: read(client, request, requests) for client in clients]  # type: ignore[misc]
    rates: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, rate in zip(works, rates, strict=True):
            begin = time.perf_counter()
            work()
            if number:  # the first round warms up
                rate.append(requests / (time.perf_counter() - begin))
    return rates


def ping_pong(connection: socket.socket, request: bytes, answer_size: int, requests: int) -> None:
    """The least that a round trip can be in Python."""
    buffer = memoryview(bytearray(1 << 16))
    send, receive = connection.sendall, connection.recv_into
    for _ in range(requests):
        send(request)
        at = 0
        while at < answer_size:
            at += receive(buffer)


def read(client: HostClient, request: StorageRead, requests: int) -> None:
    """The same through the protocol."""
    size = request.length
    for _ in range(requests):
        answer = client.storage_read(request)
        assert isinstance(answer.value, bytes)
        assert len(answer.value) == size


@contextmanager
def peer(kind: str, uri: str, size: int) -> Iterator[None]:
    """Another process that answers at `uri`."""
    command = [sys.executable, __file__, "--size", str(size), "--peer", kind, uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == READY
            yield
        finally:
            process.terminate()


def bare_peer(uri: str, size: int) -> None:
    """Sends the same answer for every REQUEST_SIZE bytes."""
    listener = Listener(parse_uri(uri))
    print(READY, flush=True)
    with listener.accept(30.0) as connection:
        connection.settimeout(None)
        buffer, answer = memoryview(bytearray(1 << 16)), bytes(size + 1)
        send, receive = connection.sendall, connection.recv_into
        at = 0
        while got := receive(buffer):
            at += got
            if at >= REQUEST_SIZE:
                at -= REQUEST_SIZE
                send(answer)


def server_peer(uri: str, _size: int) -> None:
    """Our own server over a local host."""
    with BlockingHostServer(LocalHost(EmptyState(), CONTRACT, b"", 0), uri, on_end=lambda _: None) as server:
        print(READY, flush=True)
        server.wait()


PEERS: dict[str, Callable[[str, int], None]] = {"bare": bare_peer, "server": server_peer}

if __name__ == "__main__":
    sys.exit(main())
