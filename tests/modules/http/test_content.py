"""Compressed bodies."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.modules.http.content import DECODERS, ContentError, ContentTooLarge, codings, decoded

ENCODE = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: brotli.compress(body, quality=1),
    "zstd": zstandard.compress,
}
BOMB = b"\0" * (64 << 20)


@pytest.mark.parametrize("name", DECODERS)
def test_a_body_comes_back_as_it_was(name):
    """Of any size up to the limit, the limit itself included."""
    for body in (b"x", b"hello" * 1000, bytes(range(256)) * 2000):
        assert decoded(ENCODE[name](body), [name], size_max=len(body)) == body
    assert decoded(b"", [name], size_max=0) == b""


@pytest.mark.parametrize("name", DECODERS)
def test_a_bomb_is_stopped_at_the_limit(name):
    """64 MiB that want to come out of some kilobytes: neither they nor much more than the limit is ever held."""
    small = ENCODE[name](BOMB)
    tracemalloc.start()
    with pytest.raises(ContentTooLarge):
        decoded(small, [name], size_max=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(small) < 1 << 17
    assert peak < 16 << 20


@pytest.mark.parametrize("name", DECODERS)
def test_a_body_that_is_cut_short_or_damaged_is_an_error(name):
    """Never a part of it."""
    whole = ENCODE[name](b"hello world, " * 100)
    for broken in (whole[:-5], whole[: len(whole) // 2], b"\xff" + whole):
        with pytest.raises(ContentError):
            decoded(broken, [name], size_max=1 << 20)


def test_forms_that_servers_send():
    """Bare deflate, members of gzip one after another, frames of zstd, several codings."""
    bare = zlib.compressobj(wbits=-15)
    assert decoded(bare.compress(b"hello") + bare.flush(), ["deflate"], size_max=5) == b"hello"
    assert decoded(gzip.compress(b"hel") + gzip.compress(b"lo"), ["gzip"], size_max=5) == b"hello"
    assert decoded(zstandard.compress(b"hel") + zstandard.compress(b"lo"), ["zstd"], size_max=5) == b"hello"
    assert decoded(brotli.compress(gzip.compress(b"hello")), ["gzip", "br"], size_max=99) == b"hello"
    assert decoded(zlib.compress(b"hello") + b"what follows", ["deflate"], size_max=5) == b"hello"


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("gzip", gzip.compress(b"")),
        ("zstd", zstandard.compress(b"")),
        ("zstd", b"\x50\x2a\x4d\x18" + bytes(4)),
    ],
    ids=["gzip", "zstd", "zstd-skippable"],
)
def test_frames_without_end_are_not_waited_out(name, frame):
    """A body of empty frames holds up nobody else: they are counted, 4096 are enough."""
    assert decoded(frame * 4096, [name], size_max=1 << 24) == b""
    with pytest.raises(ContentError, match="more than 4096 frames"):
        decoded(frame * ((16 << 20) // len(frame)), [name], size_max=1 << 24)


def test_what_a_header_says():
    """None where a coding is not known or there are too many: the body is left as it is."""
    assert codings(None) == codings(b"") == codings(b"identity") == []
    assert codings(b"GZIP, br") == ["gzip", "br"]
    assert codings(b"compress") is codings(b"gzip, foo") is codings(b"gzip," * 5) is None


@given(st.binary(max_size=300), st.sampled_from(sorted(DECODERS)))
def test_garbage_is_a_body_or_a_content_error(body, name):
    """Nothing else comes out."""
    with contextlib.suppress(ContentError):
        assert len(decoded(body, [name], size_max=1000)) <= 1000
