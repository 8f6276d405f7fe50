"""All that a page asks for is held to the rules: hosts, ports, addresses, also when names change what they mean."""

from __future__ import annotations

import asyncio
import socket

import pytest

from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.web.proxy import PageProxy
from genvm_replay.modules.web.render import RenderLimits, RenderOrder
from tests.modules.http.servers import Names, page, serving

from .pages import APPEND, script
from .test_render import rendered

REFUSED = [
    ("/to-port", 403, "PORT_FORBIDDEN"),
    ("/to-tunnel-port", 403, "PORT_FORBIDDEN"),
    ("/script-to-port", 403, "PORT_FORBIDDEN"),
    ("/to-private", 403, "TLD_FORBIDDEN"),
    ("/to-nowhere", 502, "NAME_NOT_KNOWN"),
]


@pytest.mark.parametrize(("path", "status", "code"), REFUSED)
def test_where_a_page_may_not_go(world, path, status, code):
    """Redirects of servers and of scripts; the page fails with the rule's code."""
    found = rendered(world, path, wait_s=0.3 if path.startswith("/script") else 0)
    assert (found.status, found.content, found.refused) == (status, "", code)


PRIVATE = ("127.0.0.1", "localhost", "a.com", "[::1]", "0.0.0.0", "2130706433")


def asking(port: int) -> str:
    """A page whose script reads, sends without reading, opens sockets, and loads images and frames."""
    return script(
        f"{APPEND} for (const host of {list(PRIVATE)}) {{ const url = `http://${{host}}:{port}/`;"
        "fetch(url).then(r => r.text()).then(t => say(`read ${t}`), () => say('refused '));"
        "fetch(url, {mode: 'no-cors', method: 'POST', body: 'x'}).catch(() => 0); navigator.sendBeacon(url, 'x');"
        "try { new WebSocket(url.replace('http', 'ws')).onopen = () => say('socket') } catch {}"
        "document.body.append(Object.assign(new Image(), {src: url}));"
        "document.body.append(Object.assign(document.createElement('iframe'), {src: url})); }"
    )


def test_a_page_reaches_no_private_address(world):
    """By no way that a script has, under no name: the server on loopback gets nothing."""

    async def scenario():
        names = Names(good_lan=["127.0.0.1"], a_com=["127.0.0.1"])
        async with serving({"/": page("secret", access_control_allow_origin="*")}) as private:
            async with serving({"/": page(asking(private.port))}) as public:
                renderer = world.renderer(policy=url_policy(allow_hosts=["good.lan"]), resolver=names)
                found = await renderer.render(RenderOrder(public.url(host="good.lan"), "text", 1.0))
            return found, private.requests

    found, requests = world.run(scenario())
    assert not requests
    assert found.status == 200
    assert found.content.count("refused") == len(PRIVATE)
    assert "socket" not in found.content


def test_no_datagram_leaves(world):
    """WebRTC and WebTransport would go past a proxy."""

    async def scenario():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.bind(("127.0.0.1", 0))
            listening.setblocking(False)
            port = listening.getsockname()[1]
            code = (
                f"const peer = new RTCPeerConnection({{iceServers: [{{urls: 'stun:127.0.0.1:{port}'}}]}});"
                "peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));"
                f"new WebTransport('https://127.0.0.1:{port}/').closed.catch(() => 0);"
            )
            async with serving({"/": page(script(code))}) as served:
                found = await world.renderer().render(RenderOrder(served.url(), "text", 0.5))
            with pytest.raises(BlockingIOError):
                listening.recv(1)
            return found.status

    assert world.run(scenario()) == 200


def test_dns_rebinding_gains_nothing(world):
    """The name leads to a public address when the page comes, and to loopback when its script asks again."""

    async def scenario():
        names = Names(rebind_com=["127.0.0.1"])
        async with serving({"/": page("secret")}) as private:
            policy = url_policy()
            proxy = PageProxy(policy, 1 << 20, resolver=names)
            async with proxy:
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
                writer.write(b"CONNECT rebind.com:80 HTTP/1.1\r\n\r\n")
                answer = await reader.read()
                writer.close()
            return answer, private.requests, proxy.refused["rebind.com:80"].code

    answer, requests, code = world.run(scenario())
    assert answer.startswith(b"HTTP/1.1 403")
    assert code == "ADDRESS_FORBIDDEN"
    assert not requests


def test_a_page_whose_name_changes_in_the_middle(world):
    """The first look-up leads to the allowed server, the second elsewhere: each connection is checked for itself."""

    async def scenario():
        async with serving({"/data": page("secret")}) as served:
            names = Names(rebind_com=["127.0.0.1"])
            renderer = world.renderer(policy=url_policy(), resolver=names)
            found = await renderer.render(RenderOrder("http://rebind.com/", "text"))
            return found, served.requests, names.asked

    found, requests, asked = world.run(scenario())
    assert (found.status, found.refused) == (403, "ADDRESS_FORBIDDEN")
    assert asked == ["rebind.com"]
    assert not requests


def test_private_addresses_can_be_allowed(world):
    """By the setting; the rules for ports still hold."""

    async def scenario():
        names = Names(intern_com=["127.0.0.1"])
        renderer = world.renderer(policy=url_policy(), resolver=names, allow_private=True)
        return await renderer.render(RenderOrder("http://intern.com/", "text"))

    assert world.run(scenario()).refused == "NO_CONNECTION"  # port 80 of loopback was tried


def test_a_page_of_a_tunnel(world, own_certificate):
    """HTTPS goes through as it is: the certificate is the server's, which nobody trusts here."""
    limits = RenderLimits(load_timeout_s=20)

    async def scenario():
        names = Names(good_lan=["127.0.0.1"])
        async with serving({"/": page("secret")}, ssl=own_certificate) as served:
            renderer = world.renderer(limits, policy=url_policy(allow_hosts=["good.lan"]), resolver=names)
            return await renderer.render(RenderOrder(served.url(host="good.lan", scheme="https"), "text"))

    assert world.run(scenario()).status == 495


GARBAGE = [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"CONNECT  HTTP/1.1\r\n\r\n", b"\xff \xff \xff\r\n\r\n",
           b"CONNECT a.com:x HTTP/1.1\r\n\r\n", b"CONNECT [::1 HTTP/1.1\r\n\r\n", b"x" * 200_000, b"GET http://[ HTTP/1.1\r\n\r\n",
           b"GET ftp://a.com/ HTTP/1.1\r\n\r\n"]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_ends_the_connection(world, garbage):
    """Nothing hangs, and the proxy serves the next one."""

    async def scenario():
        async with PageProxy(url_policy(), 1 << 20) as proxy:
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=1 << 20)
                writer.write(garbage)
                writer.write_eof()
                answer = await reader.read()
                writer.close()
                assert answer == b"" or answer.startswith(b"HTTP/1.1 403")

    world.run(scenario())
