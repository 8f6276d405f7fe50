"""The text form of runner hashes: base 32 as Nix writes it (spec/executor.md 6.5).

The digest is one little-endian number, written from its highest digit down.
"""

from __future__ import annotations

import hashlib
from typing import Final

ALPHABET: Final = "0123456789abcdfghijklmnpqrsvwxyz"  # without e, o, t, u
DIGEST_SIZE: Final = 32
TEXT_LENGTH: Final = 52
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}


def encode(digest: bytes) -> str:
    """Write a SHA-256 digest in 52 letters."""
    assert len(digest) == DIGEST_SIZE, "runner hashes are SHA-256"
    number = int.from_bytes(digest, "little")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (TEXT_LENGTH - 1), -1, -5))


def decode(text: str) -> bytes:
    """Read what `encode` writes.

    Raises:
        ValueError: another length or letter, or more than 256 bits.
    """
    if len(text) != TEXT_LENGTH:
        raise ValueError(f"{len(text)} letters, not {TEXT_LENGTH}")
    number = 0
    for letter in text:
        if letter not in _VALUES:
            raise ValueError(f"{letter!r} is no digit of this base")
        number = number << 5 | _VALUES[letter]
    if number >> 8 * DIGEST_SIZE:
        raise ValueError("more than 256 bits")
    return number.to_bytes(DIGEST_SIZE, "little")


def runner_hash(tar: bytes) -> str:
    """The hash in the id of the runner that an archive is."""
    return encode(hashlib.sha256(tar).digest())
