"""Ed25519 signatures of a run's root (RFC 8032): who vouches for a record. Of keys, the journal holds only public ones.

`cryptography` is imported only where there is something to sign or to check: most runs have no signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE: Final = b"genvm-replay/signature/1\0"  # signed with the root, so that nothing else can be meant


def sign(root: bytes, key: Ed25519PrivateKey) -> tuple[bytes, bytes]:
    """The public key (32 bytes) and the signature (64 bytes) of a root."""
    return key.public_key().public_bytes_raw(), key.sign(SIGNATURE + root)


def signature_fits(root: bytes, public_key: bytes, signature: bytes) -> bool:
    """Whether the owner of a key signed this root."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, SIGNATURE + root)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_private_key(pem: bytes, name: str) -> Ed25519PrivateKey:
    """Read a private key.

    Args:
        pem: PKCS 8 in PEM, without a password, as `openssl genpkey -algorithm ed25519` writes it.
        name: where it came from, for errors; its content is never told.

    Raises:
        UsageError: it is something else.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(
            f"{name}: not an Ed25519 key in PEM without a password; make one with"
            " `openssl genpkey -algorithm ed25519 -out FILE`"
        ) from None
    return key


def read_public_key(text: bytes, name: str) -> bytes:
    """Read a public key, PEM or 64 hex digits; 32 bytes.

    Raises:
        UsageError: it is something else.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        digits = bytes.fromhex(text.decode().removeprefix("0x"))
        if len(digits) == 32:
            return digits
    except ValueError:
        pass
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{name}: not an Ed25519 public key, in PEM or as 64 hex digits")
    return key.public_bytes_raw()
