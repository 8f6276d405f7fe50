"""Pages as the web has them, the bad ones too; served on loopback."""

from __future__ import annotations

import asyncio
import gzip

from aiohttp import web

from tests.modules.http.servers import page, redirect


async def never(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError


async def endless_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/html"})
    await response.prepare(request)
    for _ in range(500):
        await response.write(b"<p>" + b"x" * 100_000)
    return response


async def cut_short(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cookies(request: web.Request) -> web.StreamResponse:
    response = web.Response(
        text=f"<p>cookies: {request.cookies.get('seen', 'none')}", content_type="text/html"
    )
    response.set_cookie("seen", "before")
    return response


async def upload(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"{request.method} {await request.text()}")


def script(code: str, body: str = "<p>before</p>") -> str:
    return f"<!doctype html><title>t</title><body>{body}<script>{code}</script>"


APPEND = "const say = text => document.body.append(text);"
PAGES = {
    "/plain": page("<!doctype html><title>t</title><p>  two \t words </p>\n\n<div>x<br><br><br>y</div><p hidden>no"),
    "/script": page(script("setTimeout(() => document.querySelector('p').textContent = 'made by a script', 50)")),
    "/503": page("<p>down", status=503),
    "/404": page("", status=404),
    "/304": page("", status=304),
    "/json": page('{"a": 1}', content_type="application/json"),
    "/latin-1": page("<p>grüß".encode("latin-1"), content_type="text/html; charset=utf-8"),
    "/no-charset": page("<meta charset=windows-1252><p>grüß".encode("latin-1"), content_type="text/html"),
    "/surrogate": page(script("document.body.innerText = 'a\\ud800b'")),
    "/slow": never,
    "/big": endless_body,
    "/bomb": page(gzip.compress(b"<p>" + b"x " * (10 << 20)), content_encoding="gzip"),
    "/long-text": page("<p>" + "x" * (1 << 18)),
    "/cut": cut_short,
    "/loop": page(script("while (true) {}")),
    "/late-loop": page(script("setTimeout(() => { while (true) {} }, 0)")),
    "/heap": page(script("const all = []; while (true) all.push(new Array(100000).fill(Math.random()))")),
    "/memory": page(script("const all = []; while (true) all.push(new Uint8Array(4e7).fill(7))")),
    "/dialog": page(script(APPEND + "alert(1); say(`${confirm('a')} ${prompt('b')}`)")),
    "/popup": page(script(APPEND + "say(window.open('/hit-by-popup') === null)")),
    "/download": page(b"x", content_disposition="attachment"),
    "/unload": page(script("window.onbeforeunload = () => 'stay'; window.onunload = () => { while (true) {} }")),
    "/own-functions": page(script("Object.defineProperty(HTMLElement.prototype, 'innerText', {get: () => 'forged'})")),
    "/cookies": cookies,
    "/upload": upload,
    "/posts": page(script(APPEND + "fetch('/upload', {method: 'POST', body: 'x'.repeat(100000)}).then(r => r.text())"
                          ".then(t => say(t.length), e => say(e))")),
    "/redirect": redirect("/plain"),
    "/to-port": redirect("http://example.com:8080/"),
    "/to-tunnel-port": redirect("https://example.com:8443/"),
    "/to-private": redirect("http://localhost/"),
    "/to-file": redirect("file:///etc/passwd"),
    "/script-to-503": page(script("location = '/503'")),
    "/script-to-port": page(script("location = 'https://example.com:8443/'")),
    "/to-nowhere": redirect("http://no-such-name.invalid.com/"),
}  # fmt: skip
