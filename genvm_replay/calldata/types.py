"""The values of calldata and the 20-byte address (spec/executor.md 3.1 and 3.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from ..errors import UsageError

ADDRESS_SIZE: Final = 20


@dataclass(frozen=True, order=True)
class Address:
    """An account or contract: exactly 20 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != ADDRESS_SIZE:
            raise UsageError(f"an address has {ADDRESS_SIZE} bytes, this one has {len(self.raw)}")

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `0x` and 40 hex digits, upper or lower case; the checksum is not asked for.

        Raises:
            UsageError: anything else.
        """
        digits = text[2:] if text[:2] in ("0x", "0X") else ""
        if len(digits) != 2 * ADDRESS_SIZE or not all(c in "0123456789abcdefABCDEF" for c in digits):
            raise UsageError(f"not an address: {text!r} (0x and 40 hex digits)")
        return cls(bytes.fromhex(digits))

    @cached_property
    def checksummed(self) -> str:
        """`0x` and hex in the mixed case of EIP-55."""
        digits = self.raw.hex()
        digest = keccak256(digits.encode()).hex()
        return "0x" + "".join(
            c.upper() if h in "89abcdef" else c for c, h in zip(digits, digest, strict=False)
        )

    def __str__(self) -> str:
        return self.checksummed


Value: TypeAlias = None | bool | int | str | bytes | Address | Sequence["Value"] | Mapping[str, "Value"]


def keccak256(data: bytes) -> bytes:
    """The original Keccak-256 (padding 0x01), not SHA3-256: 32 bytes."""
    from Crypto.Hash import keccak  # slow to import, and most transactions do without

    return keccak.new(digest_bits=256, data=data).digest()
