"""What a signed request says, checked by another implementation of RFC 9421."""

from __future__ import annotations

import pytest
from yarl import URL

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.signatures import Identity, authority, normalised, to_sign

IDENTITY = Identity("0xAbc", "0xdef")


def made(url="https://example.com/a?b=c", body=b"hello", headers=None):
    return to_sign(
        "POST", URL(url), headers or {}, body, identity=IDENTITY, salt=bytes(32), created=1700000000
    )


def test_the_signature_base_to_the_letter():
    """Components in the order of spec/manager-modules.md 4.4, one a line, the parameters last, no newline at the end."""
    assert made().base.decode().splitlines() == [
        '"@method": POST',
        '"@authority": example.com',
        '"@path": /a',
        '"genlayer-node-address": 0xAbc',
        '"genlayer-tx-id": 0xdef',
        '"genlayer-salt": AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
        '"content-digest": sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:',
        '"@query": ?b=c',
        '"@signature-params": ("@method" "@authority" "@path" "genlayer-node-address" "genlayer-tx-id" '
        '"genlayer-salt" "content-digest" "@query");created=1700000000;alg="ES256K"',
    ]
    assert not made().base.endswith(b"\n")


def test_body_and_query_are_signed_where_there_are_some():
    """An empty body is a body."""
    bare = made("http://example.com", body=None)
    assert b"content-digest" not in bare.base
    assert b"@query" not in bare.base
    assert b'"@path": /\n' in bare.base
    assert "content-digest" not in bare.headers
    assert b"content-digest" in made(body=b"").base


def test_authority_as_a_server_sees_it():
    """Lower case, with a port that is not the default one, without a user."""
    assert authority(URL("https://Example.COM:443/")) == "example.com"
    assert authority(URL("http://user:pw@example.com:443/")) == "example.com:443"
    assert authority(URL("http://[::1]:8080/")) == "[::1]:8080"


def test_headers_are_normalised():
    """Names in lower case, the last one wins; what the connection or the signature says can't be set."""
    headers = {"A": b"1", "a": b"2", "Host": b"x", "Content-Length": b"9", "@path": b"/", "GenLayer-Salt": b"x",
               "genlayer-tx-id": b"x", "Genlayer-Node-Address": b"x", "Transfer-Encoding": b"chunked", "B": b"3"}  # fmt: skip
    assert normalised(headers) == {"a": b"2", "b": b"3"}


def test_a_contract_cannot_set_signature_headers():
    """Those of the request are the ones that were signed."""
    signed = made(
        headers={"signature": b"x", "signature-input": b"y", "content-digest": b"z", "a": b"1"}
    ).signed(b"s")
    assert signed["signature"] == b"genvm=:cw==:"
    assert signed["a"] == b"1"
    assert signed["signature-input"].startswith(b'genvm=("@method"')
    assert signed["content-digest"].startswith(b"sha-256=:")


@pytest.mark.parametrize("node", ["a\nb", "ä", " a", "a\x00"])
def test_what_cannot_stand_in_a_base_is_refused(node):
    """Else one component could pass for two."""
    with pytest.raises(ModuleError) as caught:
        to_sign("GET", URL("http://a.com"), {}, None, identity=Identity(node, "t"), salt=b"", created=0)
    assert caught.value.causes == ("WRITE_FORMAT_FAILED",)
    assert caught.value.fatal
