"""A key pair for the tests that sign: from a fixed seed, of no worth."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from genvm_replay.journal.signing import sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(200, 232)))
PUBLIC = KEY.public_key().public_bytes_raw()
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
PUBLIC_PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def signed(root: bytes) -> tuple[bytes, bytes]:
    """Public key and signature."""
    return sign(root, KEY)
