"""The permutation Keccak-f[1600], unrolled (FIPS 202 section 3).

This file is written by a loop over the FIPS tables, not by hand: 25 lanes in local variables are several times
faster in CPython than a list of lanes.
"""

from typing import Final

MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
ROUND_CONSTANTS: Final = (
    0x0000000000000001,
    0x0000000000008082,
    0x800000000000808A,
    0x8000000080008000,
    0x000000000000808B,
    0x0000000080000001,
    0x8000000080008081,
    0x8000000000008009,
    0x000000000000008A,
    0x0000000000000088,
    0x0000000080008009,
    0x000000008000000A,
    0x000000008000808B,
    0x800000000000008B,
    0x8000000000008089,
    0x8000000000008003,
    0x8000000000008002,
    0x8000000000000080,
    0x000000000000800A,
    0x800000008000000A,
    0x8000000080008081,
    0x8000000000008080,
    0x0000000080000001,
    0x8000000080008008,
)


def permute(lanes: list[int]) -> list[int]:  # noqa: PLR0915
    """Apply the 24 rounds to 25 lanes of 64 bits, ordered x + 5 * y."""
    # fmt: off
    (
        a0, a1, a2, a3, a4,
        a5, a6, a7, a8, a9,
        a10, a11, a12, a13, a14,
        a15, a16, a17, a18, a19,
        a20, a21, a22, a23, a24,
    ) = lanes
    # fmt: on
    for constant in ROUND_CONSTANTS:
        c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20
        c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21
        c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22
        c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23
        c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24
        d0 = c4 ^ (c1 << 1 & MASK | c1 >> 63)
        d1 = c0 ^ (c2 << 1 & MASK | c2 >> 63)
        d2 = c1 ^ (c3 << 1 & MASK | c3 >> 63)
        d3 = c2 ^ (c4 << 1 & MASK | c4 >> 63)
        d4 = c3 ^ (c0 << 1 & MASK | c0 >> 63)
        b0 = a0 ^ d0
        t = a1 ^ d1
        b10 = t << 1 & MASK | t >> 63
        t = a2 ^ d2
        b20 = t << 62 & MASK | t >> 2
        t = a3 ^ d3
        b5 = t << 28 & MASK | t >> 36
        t = a4 ^ d4
        b15 = t << 27 & MASK | t >> 37
        t = a5 ^ d0
        b16 = t << 36 & MASK | t >> 28
        t = a6 ^ d1
        b1 = t << 44 & MASK | t >> 20
        t = a7 ^ d2
        b11 = t << 6 & MASK | t >> 58
        t = a8 ^ d3
        b21 = t << 55 & MASK | t >> 9
        t = a9 ^ d4
        b6 = t << 20 & MASK | t >> 44
        t = a10 ^ d0
        b7 = t << 3 & MASK | t >> 61
        t = a11 ^ d1
        b17 = t << 10 & MASK | t >> 54
        t = a12 ^ d2
        b2 = t << 43 & MASK | t >> 21
        t = a13 ^ d3
        b12 = t << 25 & MASK | t >> 39
        t = a14 ^ d4
        b22 = t << 39 & MASK | t >> 25
        t = a15 ^ d0
        b23 = t << 41 & MASK | t >> 23
        t = a16 ^ d1
        b8 = t << 45 & MASK | t >> 19
        t = a17 ^ d2
        b18 = t << 15 & MASK | t >> 49
        t = a18 ^ d3
        b3 = t << 21 & MASK | t >> 43
        t = a19 ^ d4
        b13 = t << 8 & MASK | t >> 56
        t = a20 ^ d0
        b14 = t << 18 & MASK | t >> 46
        t = a21 ^ d1
        b24 = t << 2 & MASK | t >> 62
        t = a22 ^ d2
        b9 = t << 61 & MASK | t >> 3
        t = a23 ^ d3
        b19 = t << 56 & MASK | t >> 8
        t = a24 ^ d4
        b4 = t << 14 & MASK | t >> 50
        a0 = b0 ^ (b1 ^ MASK) & b2 ^ constant
        a1 = b1 ^ (b2 ^ MASK) & b3
        a2 = b2 ^ (b3 ^ MASK) & b4
        a3 = b3 ^ (b4 ^ MASK) & b0
        a4 = b4 ^ (b0 ^ MASK) & b1
        a5 = b5 ^ (b6 ^ MASK) & b7
        a6 = b6 ^ (b7 ^ MASK) & b8
        a7 = b7 ^ (b8 ^ MASK) & b9
        a8 = b8 ^ (b9 ^ MASK) & b5
        a9 = b9 ^ (b5 ^ MASK) & b6
        a10 = b10 ^ (b11 ^ MASK) & b12
        a11 = b11 ^ (b12 ^ MASK) & b13
        a12 = b12 ^ (b13 ^ MASK) & b14
        a13 = b13 ^ (b14 ^ MASK) & b10
        a14 = b14 ^ (b10 ^ MASK) & b11
        a15 = b15 ^ (b16 ^ MASK) & b17
        a16 = b16 ^ (b17 ^ MASK) & b18
        a17 = b17 ^ (b18 ^ MASK) & b19
        a18 = b18 ^ (b19 ^ MASK) & b15
        a19 = b19 ^ (b15 ^ MASK) & b16
        a20 = b20 ^ (b21 ^ MASK) & b22
        a21 = b21 ^ (b22 ^ MASK) & b23
        a22 = b22 ^ (b23 ^ MASK) & b24
        a23 = b23 ^ (b24 ^ MASK) & b20
        a24 = b24 ^ (b20 ^ MASK) & b21
    # fmt: off
    return [
        a0, a1, a2, a3, a4,
        a5, a6, a7, a8, a9,
        a10, a11, a12, a13, a14,
        a15, a16, a17, a18, a19,
        a20, a21, a22, a23, a24,
    ]
    # fmt: on
