"""ULEB128 numbers of any size (sdk.md section 3.1): 7 bits a byte, lowest first, the top bit says that more follow.

A contract may hand over numbers of megabytes, so both directions take 56 bits at a time instead of shifting a big
number once a byte.
"""

from typing import Final

_CHUNK_BITS: Final = 56  # 7 bytes of number are 8 bytes of ULEB128
_CHUNK_MASK: Final = (1 << _CHUNK_BITS) - 1


class DecodingError(ValueError):
    """The bytes are not calldata."""


def append_uleb128(out: bytearray, number: int) -> None:
    """Append the shortest form of a number that is not negative."""
    if number > _CHUNK_MASK:
        raw = number.to_bytes((number.bit_length() + 7) // 8, "little")
        last = (len(raw) - 1) // 7 * 7
        for start in range(0, last, 7):
            chunk = int.from_bytes(raw[start : start + 7], "little")
            for shift in range(0, _CHUNK_BITS, 7):
                out.append(chunk >> shift & 0x7F | 0x80)
        number = int.from_bytes(raw[last:], "little")
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def read_uleb128(data: bytes, pos: int) -> tuple[int, int]:
    """Read the number at `pos`. Gives it and the position after it.

    Raises:
        DecodingError: the data ends inside the number, or a shorter form of it exists.
    """
    end = pos
    try:
        while data[end] > 0x7F:
            end += 1
    except IndexError:
        raise DecodingError(f"calldata ends inside the number that begins at byte {pos}") from None
    if data[end] == 0 and end > pos:
        raise DecodingError(
            f"the number at byte {pos} ends with a zero byte, so it is not in its shortest form"
        )
    if end - pos < 8:
        return _small(data, pos, end), end + 1
    chunks = bytearray()
    start = pos
    while end - start >= 8:
        chunks += (_small(data, start, start + 7)).to_bytes(7, "little")
        start += 8
    chunks += _small(data, start, end).to_bytes(8, "little")
    return int.from_bytes(chunks, "little"), end + 1


def _small(data: bytes, start: int, last: int) -> int:
    number = 0
    for pos in range(last, start - 1, -1):
        number = number << 7 | data[pos] & 0x7F
    return number
