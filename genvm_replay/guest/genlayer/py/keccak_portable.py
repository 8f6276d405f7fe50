"""Keccak-256 in plain Python, for tools outside the VM (FIPS 202 section 3, but for the padding)."""

from struct import Struct
from typing import Final

RATE: Final = 136  # bytes of a block: 1600 bits less twice the digest
ROUNDS: Final = 24
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_unpack_block = Struct("<17Q").unpack_from
_pack_digest = Struct("<4Q").pack


def keccak256(data: bytes) -> bytes:
    """Hash the data: 32 bytes."""
    rest = RATE - len(data) % RATE
    padding = b"\x81" if rest == 1 else b"\x01" + bytes(rest - 2) + b"\x80"
    padded = data + padding
    lanes = [0] * 25
    for start in range(0, len(padded), RATE):
        block = _unpack_block(padded, start)
        lanes = _permute([a ^ b for a, b in zip(lanes, block, strict=False)] + lanes[17:])
    return _pack_digest(*lanes[:4])


def _permute(lanes: list[int]) -> list[int]:
    """Keccak-f[1600] on 25 lanes of 64 bits, ordered x + 5 * y."""
    for constant in _ROUND_CONSTANTS:
        sums = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [sums[x - 1] ^ _rotate(sums[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for at, (to, turn) in enumerate(_MOVES):
            moved[to] = _rotate(lanes[at] ^ mixed[at % 5], turn)
        lanes = [
            moved[y + x] ^ (~moved[y + (x + 1) % 5] & moved[y + (x + 2) % 5])
            for y in range(0, 25, 5)
            for x in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def _rotate(lane: int, bits: int) -> int:
    return (lane << bits | lane >> (64 - bits)) & _MASK


def _find_moves() -> list[tuple[int, int]]:
    """For each lane: where steps rho and pi put it, and by how many bits it turns."""
    turns = [0] * 25
    x, y = 1, 0
    for step in range(ROUNDS):
        turns[x + 5 * y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return [(at // 5 + 5 * ((2 * (at % 5) + 3 * (at // 5)) % 5), turns[at]) for at in range(25)]


def _find_constants() -> list[int]:
    """Step iota's constants: bits of a shift register, at the places 2^j - 1."""
    register, constants = 1, []
    for _ in range(ROUNDS):
        constant = 0
        for place in (0, 1, 3, 7, 15, 31, 63):
            constant |= (register & 1) << place
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


_MOVES: Final = _find_moves()
_ROUND_CONSTANTS: Final = _find_constants()
