"""The base 32 of runner hashes (spec/executor.md 6.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.runners.nix_base32 import decode, encode, runner_hash
from genvm_replay.executor.runners.published import RELEASES

VECTORS = [
    (bytes(32), "0" * 52),
    (b"\x01" + bytes(31), "0" * 51 + "1"),
    (bytes(31) + b"\x80", "1" + "0" * 51),
    (b"\xff" * 32, "1" + "z" * 51),
]


@pytest.mark.parametrize(("digest", "text"), VECTORS)
def test_vectors(digest: bytes, text: str) -> None:
    """Both ways."""
    assert (encode(digest), decode(text)) == (text, digest)


def test_hash_of_nothing() -> None:
    """SHA-256 of the empty string, as Nix prints it."""
    assert runner_hash(b"") == "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"


@given(st.binary(min_size=32, max_size=32))
def test_round_trip(digest: bytes) -> None:
    """Every digest."""
    assert decode(encode(digest)) == digest


def test_every_published_hash_is_one() -> None:
    """The document's tables are in this base."""
    for hashes in RELEASES.values():
        for text in hashes.values():
            assert encode(decode(text)) == text


@pytest.mark.parametrize("text", ["", "0" * 51, "0" * 53, "e" + "0" * 51, "2" + "0" * 51, "z" * 52])
def test_refused(text: str) -> None:
    """Another length, a letter that is no digit, more than 256 bits."""
    with pytest.raises(ValueError, match=r"letters|digit|bits"):
        decode(text)
