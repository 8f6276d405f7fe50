"""Signatures of an external signer, on the wire, verified by another implementation of RFC 9421."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureAlgorithm, HTTPSignatureKeyResolver
from http_message_signatures import InvalidSignature as Refused

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.client import HttpClient
from genvm_replay.modules.http.order import HttpOrder
from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.http.signer import Signer, filled

from .servers import HELLO, KeyHolder, page, redirect, run, serving

POLICY = url_policy(allow_hosts=["127.0.0.1"])


class Es256k(HTTPSignatureAlgorithm):
    """ECDSA on secp256k1 with SHA-256, which the library doesn't bring."""

    algorithm_id = "ES256K"

    def __init__(self, public_key, private_key=None, password=None):
        self.public_key = public_key

    def sign(self, message):
        raise NotImplementedError

    def verify(self, signature, message):
        der = utils.encode_dss_signature(
            int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        )
        try:
            self.public_key.verify(der, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise Refused("no signature of that key") from error


class Keys(HTTPSignatureKeyResolver):
    def __init__(self, public_key):
        self.public_key = public_key

    def resolve_public_key(self, key_id):
        return self.public_key

    def resolve_private_key(self, key_id):
        raise NotImplementedError


class Parameters(dict):
    """The library wants a `keyid`, which RFC 9421 leaves open and GenVM doesn't send: it is told of one, unsigned."""

    def __contains__(self, name):
        return name == "keyid" or super().__contains__(name)

    def __missing__(self, name):
        return ""


class Verifier(HTTPMessageVerifier):
    def _get_sig_inputs_and_signatures(self, *args, **kwargs):
        for label, sig_input, signature in super()._get_sig_inputs_and_signatures(*args, **kwargs):
            sig_input.params = Parameters(sig_input.params)
            yield label, sig_input, signature


def verified(request, body, public_key, **changed):
    """What the other implementation finds signed in a request as a server got it."""
    url = f"http://{request.headers['host']}{request.raw_path}"
    headers = {name.lower(): value for name, value in request.headers.items()} | changed
    message = SimpleNamespace(method=request.method, url=url, headers=headers)
    verifier = Verifier(signature_algorithm=Es256k, key_resolver=Keys(public_key))
    [result] = verifier.verify(message, max_age=None, body=body or None)
    return result


async def signed_request(path, method="POST", body=b"hello", holder=None, template=False):
    holder = holder or KeyHolder()
    async with serving({"/sign": holder.handle, "/a": page("fine"), "/away": redirect("/a", 307)}) as served:
        hello = HELLO
        signer = Signer(served.url("/sign"), {"x-token": "#{tx_id}"})
        if template:
            signer = Signer("#{signerUrl}", {"x-token": "#{tx_id}"})
            hello = type(HELLO)("1", {**HELLO.host_data, "signerUrl": served.url("/sign")}, {})

        async def sign(http, *request):
            return await signer.sign(http, hello, *request)

        async with HttpClient(POLICY) as client:
            order = HttpOrder(method, served.url(path), {"X-Own": b"1", "signature": b"x"}, body, sign=sign)
            reply = await client.request(order)
        return holder, served, reply


@pytest.mark.parametrize(("path", "body"), [("/a", b"hello"), ("/a?b=c%20d&e", b""), ("/a?x=%C3%BC", None)])
def test_another_implementation_verifies_the_signature(path, body):
    """As a server gets it: every component, the digest of the body, by the public key of the signer's key."""
    holder, served, reply = run(signed_request(path, body=body))
    request = served.requests[-1]
    result = verified(request, served.bodies[-1], holder.key.public_key())
    names = [name.strip(chr(34)) for name in result.covered_components][:-1]
    wanted = ["@method", "@authority", "@path", "genlayer-node-address", "genlayer-tx-id", "genlayer-salt"]
    assert names == wanted + ["content-digest"] * (body is not None) + ["@query"] * ("?" in path)
    assert request.headers["genlayer-node-address"] == "0xabc"
    assert request.headers["x-own"] == "1"
    assert result.parameters["alg"] == "ES256K"
    assert result.parameters["created"] == reply.unsigned.created
    assert holder.signed == [reply.unsigned.base]


def test_a_changed_request_does_not_verify():
    """The test above can fail: another tx id, another key."""
    holder, served, _ = run(signed_request("/a"))
    request = served.requests[-1]
    with pytest.raises(Refused):
        verified(request, served.bodies[-1], KeyHolder().key.public_key())
    with pytest.raises(Refused):
        verified(request, served.bodies[-1], holder.key.public_key(), **{"genlayer-tx-id": "0xother"})
    with pytest.raises(Refused, match="Digest"):
        verified(request, b"another body", holder.key.public_key())


def test_the_signer_is_named_by_the_node():
    """`#{signerUrl}` comes from the host data of the connection, headers likewise."""
    _, served, _ = run(signed_request("/a", template=True))
    assert served.requests[0].path == "/sign"
    assert served.requests[0].headers["x-token"] == "0xdef"


def test_a_redirect_carries_no_signature():
    """It was made for another request."""
    _, served, _ = run(signed_request("/away"))
    first, second = served.requests[-2:]
    assert "signature" in first.headers
    assert second.path == "/a"
    assert served.bodies[-1] == b"hello"
    assert not {name.lower() for name in second.headers} & {"signature", "signature-input", "genlayer-salt"}


def test_each_signature_has_a_salt_of_its_own():
    """Two equal requests differ."""
    (_, _, first), (_, _, second) = run(signed_request("/a")), run(signed_request("/a"))
    assert first.unsigned.salt != second.unsigned.salt


async def refused(handler, url=None):
    pages = {"/sign": handler} if handler else {}
    async with serving(pages) as served:
        signer = Signer(url or served.url("/sign"), {"authorization": "very-secret"})

        async def sign(http, *request):
            return await signer.sign(http, HELLO, *request)

        async with HttpClient(POLICY) as client:
            with pytest.raises(ModuleError) as caught:
                await client.request(HttpOrder("GET", served.url("/a"), sign=sign))
    assert caught.value.fatal
    assert "very-secret" not in repr(caught.value) + str(caught.value.ctx)
    return caught.value.causes


async def cut_short(request):
    response = web.StreamResponse(headers={"content-length": "64"})
    await response.prepare(request)
    await response.write(b"half")
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("handler", "url", "code"),
    [
        (page(b"no", status=500), None, "SIGN_URL_BAD_STATUS"),
        (redirect("/other"), None, "SIGN_URL_BAD_STATUS"),
        (None, "http://127.0.0.1:1/", "SIGN_URL_SEND_FAILED"),
        (None, "no url", "SIGN_URL_SEND_FAILED"),
        (None, "#{nothing}", "SIGN_URL_PATCH_FAILED"),
        (None, "#{number}", "SIGN_URL_PATCH_FAILED"),
        (cut_short, None, "SIGN_URL_READ_FAILED"),
        (page(b""), None, "SIGN_URL_READ_FAILED"),
        (page(b"x" * 5000), None, "SIGN_URL_READ_FAILED"),
    ],
)
def test_a_signer_that_fails_has_its_code(handler, url, code):
    """All fatal, none with what the signer's headers hold (spec/manager-modules.md 4.4)."""
    assert run(refused(handler, url)) == (code,)


def test_variables_are_filled_in_once():
    """What a variable holds is not looked into again."""
    assert filled("#{a}/#{b}", {"a": "#{b}", "b": "x"}) == "#{b}/x"
