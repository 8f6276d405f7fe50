"""The protocol with the browser, message by message."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from genvm_replay.modules.web.cdp import DETACHED, EVENT_SIZE_MAX, BrowserGone, Cdp, CdpError


async def piped() -> tuple[Cdp, asyncio.StreamReader]:
    """A connection whose commands go nowhere, and where its messages come from."""
    loop = asyncio.get_running_loop()
    nowhere = os.fdopen(os.open(os.devnull, os.O_WRONLY), "wb", 0)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop), nowhere
    )
    reader = asyncio.StreamReader()
    return Cdp(reader, asyncio.StreamWriter(transport, protocol, None, loop)), reader


def event(method: str, text: str = "") -> bytes:
    said = {"method": method, "params": {"text": text}, "sessionId": "page"}
    return json.dumps(said, separators=(",", ":")).encode() + b"\0"


def test_an_event_that_is_too_large_is_passed_over():
    """A page can put what it wants into one, such as a frame of a socket; the other pages of the browser go on."""

    async def scenario():
        cdp, reader = await piped()
        heard = []
        cdp.listen("page", lambda method, parameters: heard.append(method))
        running = asyncio.create_task(cdp.run())
        largest = EVENT_SIZE_MAX - len(event("fits")) + 1
        stream = event("first") + event("sent", "x" * (70 << 20)) + event("fits", "x" * largest)
        stream += event("over", "x" * (largest + 1)) + event("last") + b'{"id":1,"result":{"a":1}}\0'
        calling = asyncio.create_task(cdp.call("Browser.getVersion"))
        await asyncio.sleep(0)
        reader.feed_data(stream)
        answer = await asyncio.wait_for(calling, 20)
        reader.feed_eof()
        await running
        return heard, answer

    heard, answer = asyncio.run(scenario())
    assert heard == ["first", "fits", "last", DETACHED]
    assert answer == {"a": 1}


def test_what_waits_when_the_browser_ends():
    """Fails, and so does what is asked later; a message that is no JSON is an end too."""

    async def scenario():
        cdp, reader = await piped()
        refused = asyncio.create_task(cdp.call("One"))
        waiting = asyncio.create_task(cdp.call("Two"))
        await asyncio.sleep(0)
        reader.feed_data(b'{"id":1,"error":{"message":"no such thing"}}\0nonsense\0')
        await cdp.run()
        with pytest.raises(CdpError, match="no such thing"):
            await refused
        with pytest.raises(BrowserGone):
            await waiting
        with pytest.raises(BrowserGone):
            await cdp.call("Three")

    asyncio.run(scenario())
