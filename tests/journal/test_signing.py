"""Signatures of roots, and the keys they are made with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from genvm_replay.errors import UsageError
from genvm_replay.journal.signing import read_private_key, read_public_key, sign, signature_fits

from .keys import KEY, PEM, PUBLIC, PUBLIC_PEM, signed

ROOT = bytes(range(100, 132))
PASSWORD_PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"password"),
)
OTHER_PEM = generate_private_key(SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


def test_a_signature_fits_its_root_and_key_alone() -> None:
    """Another root, key or byte does not; neither does the bare root without our words before it."""
    key, signature = signed(ROOT)
    assert (key, len(signature)) == (PUBLIC, 64)
    assert signature_fits(ROOT, key, signature)
    assert not signature_fits(bytes(32), key, signature)
    assert not signature_fits(ROOT, bytes(32), signature)
    assert not signature_fits(ROOT, b"short", signature)
    assert not signature_fits(ROOT, key, KEY.sign(ROOT))
    for at in (0, 31, 32, 63):
        changed = bytearray(signature)
        changed[at] ^= 1
        assert not signature_fits(ROOT, key, bytes(changed))


def test_the_signed_bytes_are_documented() -> None:
    """docs/journal.md: a signature is over these words and the root (RFC 8032 signatures are deterministic)."""
    assert signed(ROOT)[1] == KEY.sign(b"genvm-replay/signature/1\0" + ROOT)


def test_keys_are_read() -> None:
    """PEM of both; the public one as digits too."""
    assert sign(ROOT, read_private_key(PEM, "key.pem")) == signed(ROOT)
    for text in (PUBLIC_PEM, PUBLIC.hex().encode(), b"0x" + PUBLIC.hex().encode() + b"\n"):
        assert read_public_key(text, "public") == PUBLIC


@pytest.mark.parametrize("pem", [b"", b"garbage", PUBLIC_PEM, PASSWORD_PEM, OTHER_PEM, PEM[:-40]])
def test_other_files_are_no_private_keys(pem: bytes) -> None:
    """The file is named, its content is not told."""
    with pytest.raises(UsageError, match=r"^key\.pem: not an Ed25519 key") as caught:
        read_private_key(pem, "key.pem")
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"ab", b"zz" * 32, PEM, b"\xff"])
def test_other_texts_are_no_public_keys(text: bytes) -> None:
    """Said in one line."""
    with pytest.raises(UsageError, match="public: not an Ed25519 public key"):
        read_public_key(text, "public")


def test_verifying_without_signatures_needs_no_cryptography() -> None:
    """The library is imported only where there is a signature."""
    code = "import sys, genvm_replay.journal.stored; print('cryptography' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "False\n"
