"""Connections that can't lead to private addresses.

The check is the last thing before a connection is made, on the address that it goes to: a name whose address changes
between two look-ups gains nothing, and an address that stands in the URL is checked like one that was looked up.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver

from .addresses import is_public

CONNECT_TIMEOUT_S: Final = 10
ADDRESSES_MAX: Final = 4

AddrInfo: TypeAlias = tuple[
    "int | socket.AddressFamily", "int | socket.SocketKind", int, str, "tuple[object, ...]"
]


class AddressForbidden(OSError):
    """The address is none of the public internet."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "not an address of the public internet")


def open_socket(target: AddrInfo) -> socket.socket:
    """Make the socket for one address."""
    family, kind, protocol, _, _ = target
    return socket.socket(family, kind, protocol)


def open_public_socket(target: AddrInfo) -> socket.socket:
    """Make the socket for one address.

    Raises:
        AddressForbidden: contracts may not go there.
    """
    if not is_public(str(target[4][0])):
        raise AddressForbidden
    return open_socket(target)


def connector(*, public_only: bool, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
    """What opens connections for a session: to public addresses only, or to any."""
    return aiohttp.TCPConnector(
        resolver=resolver,
        use_dns_cache=False,
        limit=0,
        socket_factory=open_public_socket if public_only else open_socket,
    )


async def connected(
    host: str, port: int, *, public_only: bool, resolver: AbstractResolver | None = None
) -> socket.socket:
    """Connect to a host by name or address, where no session does it.

    Raises:
        socket.gaierror: the name is not known.
        OSError: no address answered, or AddressForbidden.
    """
    loop = asyncio.get_running_loop()
    resolver = resolver or aiohttp.ThreadedResolver()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            found = await resolver.resolve(host, port, socket.AF_UNSPEC)
    except OSError as error:
        raise socket.gaierror(f"{host}: name not known") from error
    failure: OSError = socket.gaierror(f"{host}: no address")
    for address in found[:ADDRESSES_MAX]:
        target: AddrInfo = (address["family"], socket.SOCK_STREAM, 0, "", (address["host"], address["port"]))
        try:
            sock = open_public_socket(target) if public_only else open_socket(target)
            with closing_on_failure(sock):
                sock.setblocking(False)
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await loop.sock_connect(sock, (address["host"], address["port"]))
            return sock
        except OSError as error:
            failure = error
    raise failure


@contextmanager
def closing_on_failure(sock: socket.socket) -> Iterator[None]:
    """Close a socket that came to nothing."""
    try:
        yield
    except BaseException:
        sock.close()
        raise


def is_forbidden(error: BaseException | None) -> bool:
    """Tell whether a connection failed because no address was allowed."""
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.EACCES:
            return True
        error = error.__cause__ or error.__context__
    return False
