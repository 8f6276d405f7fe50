"""The look-up of names."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import aclosing

import pytest

from genvm_replay.modules.http.resolver import ThreadResolver

from .servers import run


async def looked_up(host):
    async with aclosing(Closing()) as held:
        return await held.resolver.resolve(host, 80)


class Closing:
    def __init__(self):
        self.resolver = ThreadResolver()

    async def aclose(self):
        await self.resolver.close()


def test_names_and_addresses_of_this_machine():
    """As the system knows them."""
    assert {found["host"] for found in run(looked_up("localhost"))} <= {"127.0.0.1", "::1"}
    [found] = run(looked_up("127.0.0.1"))
    assert (found["host"], found["port"], found["family"]) == ("127.0.0.1", 80, socket.AF_INET)


@pytest.mark.parametrize("name", ["no-such-name.invalid", "a" * 64 + ".com", "a..com", "a." * 130 + "com"])
def test_a_name_that_nobody_has(name):
    """Is an OSError, also if nobody could have it."""
    with pytest.raises(socket.gaierror):
        run(looked_up(name))


def test_it_does_not_wait_for_the_threads_of_others():
    """All threads of the loop are busy: a name is found all the same."""
    release = threading.Event()

    async def scenario():
        busy = [asyncio.get_running_loop().run_in_executor(None, release.wait) for _ in range(100)]
        try:
            return await looked_up("localhost")
        finally:
            release.set()
            await asyncio.gather(*busy)

    assert run(scenario())
