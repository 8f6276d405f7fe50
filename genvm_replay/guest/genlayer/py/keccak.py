"""Keccak-256 as Ethereum uses it: the padding from before FIPS 202, rate 136 (sdk.md section 1.3)."""

from struct import Struct
from typing import TYPE_CHECKING, Final

from genlayer.py.keccak_permutation import permute

if TYPE_CHECKING:
    from typing_extensions import Buffer

RATE: Final = 136  # bytes of a block: 1600 bits less twice the digest
DIGEST_SIZE: Final = 32

_unpack_block = Struct("<17Q").unpack_from
_pack_digest = Struct("<4Q").pack


class Keccak256:
    """A hash object with the methods of those in `hashlib`."""

    __slots__ = ("_lanes", "_unread")

    def __init__(self, data: "Buffer | None" = None) -> None:
        self._lanes = [0] * 25
        self._unread = bytearray()
        if data is not None:
            self.update(data)

    def update(self, data: "Buffer", /) -> None:
        """Add data to what is hashed."""
        unread = self._unread
        unread += memoryview(data)
        whole = len(unread) - len(unread) % RATE
        if whole:
            self._lanes = _absorb(self._lanes, unread, whole)
            del unread[:whole]

    def digest(self) -> bytes:
        """Give the 32-byte hash of everything added so far; more may be added later."""
        last = self._unread + bytes(RATE - len(self._unread))
        last[len(self._unread)] ^= 0x01
        last[-1] ^= 0x80
        return _pack_digest(*_absorb(self._lanes, last, RATE)[:4])

    def hexdigest(self) -> str:
        """Give the hash as 64 lower-case hexadecimal digits."""
        return self.digest().hex()


def _absorb(lanes: list[int], data: bytearray, size: int) -> list[int]:
    for start in range(0, size, RATE):
        block = _unpack_block(data, start)
        lanes = permute([a ^ b for a, b in zip(lanes, block, strict=False)] + lanes[17:])
    return lanes
