"""The system's look-up of names, in threads of its own.

A look-up blocks its thread for as long as a name server is silent, which a page may arrange for many names at once. In
the loop's own few threads that would stop everything else that waits for one.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

THREADS_MAX: Final = 64


class ThreadResolver(AbstractResolver):
    """Looks names up as other programs of the machine do."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name, in the system's order.

        Raises:
            OSError: it has none.
        """
        look_up = partial(
            socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        except UnicodeError as error:  # a label that is empty or has more than 63 characters
            raise socket.gaierror(f"{host}: no name has this form") from error
        return [
            ResolveResult(
                hostname=host,
                host=str(target[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, target in found
        ]

    async def close(self) -> None:
        """Let the threads end; a look-up under way goes on by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
