"""A bounded reader over the bytes of a WebAssembly binary (WebAssembly core 3.0, 5.1 to 5.2)."""

from __future__ import annotations

from typing import Final

from ...errors import ReplayError

U32_MAX: Final = (1 << 32) - 1
LEB32_BYTES_MAX: Final = 5
LEB64_BYTES_MAX: Final = 10


class WasmFormatError(ReplayError):
    """A WebAssembly binary is malformed, or uses something outside the language that is read here.

    Attributes:
        offset: from the start of the binary.
        expected: what should have stood there.
    """

    def __init__(self, offset: int, expected: str) -> None:
        self.offset = offset
        self.expected = expected
        super().__init__(
            f"not the WebAssembly binary we can read: at offset {offset:#x}, expected {expected}"
        )


class Cursor:
    """Takes values in turn from `data[pos:end]`. Offsets in errors count from the start of `data`."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end
        if not 0 <= pos <= self.end <= len(data):
            raise WasmFormatError(pos, f"a span of the {len(data)} bytes, not one to {self.end}")

    def byte(self) -> int:
        """Take one byte."""
        if self.pos >= self.end:
            raise WasmFormatError(self.pos, "a byte, not the end")
        self.pos += 1
        return self.data[self.pos - 1]

    def skip(self, size: int) -> int:
        """Step over `size` bytes, all of which must exist. Returns where they begin."""
        start = self.pos
        if size > self.end - start:
            raise WasmFormatError(start, f"{size} bytes, not {self.end - start}")
        self.pos = start + size
        return start

    def take(self, size: int) -> bytes:
        """Copy the next `size` bytes."""
        start = self.skip(size)
        return self.data[start : start + size]

    def u32(self) -> int:
        """Take an unsigned number in LEB128, at most 5 bytes."""
        start = self.pos
        value = self._leb(LEB32_BYTES_MAX, "a u32")
        if value > U32_MAX:
            raise WasmFormatError(start, "a u32 below 2**32")
        return value

    def count(self) -> int:
        """Take a vector's length. Items have a byte at least, so one past the end is refused at once."""
        start = self.pos
        count = self.u32()
        if count > self.end - self.pos:
            raise WasmFormatError(start, f"at most {self.end - self.pos} items, not {count}")
        return count

    def s32(self) -> int:
        """Take a signed number in LEB128, at most 5 bytes."""
        return self._signed(LEB32_BYTES_MAX, 32)

    def s64(self) -> int:
        """Take a signed number in LEB128, at most 10 bytes."""
        return self._signed(LEB64_BYTES_MAX, 64)

    def name(self) -> str:
        """Take a length and that many bytes of UTF-8."""
        raw = self.take(self.u32())
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise WasmFormatError(self.pos - len(raw), "a name in UTF-8") from error

    def finish(self, what: str) -> None:
        """Check that nothing is left."""
        if self.pos != self.end:
            raise WasmFormatError(self.pos, f"the end of the {what}")

    def _leb(self, bytes_max: int, what: str) -> int:
        data, start = self.data, self.pos
        value = shift = 0
        for pos in range(start, min(start + bytes_max, self.end)):
            byte = data[pos]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.pos = pos + 1
                return value
            shift += 7
        raise WasmFormatError(start, f"{what} in LEB128")

    def _signed(self, bytes_max: int, bits: int) -> int:
        start = self.pos
        value = self._leb(bytes_max, f"an s{bits}")
        width = 7 * (self.pos - start)
        if value >> (width - 1):
            value -= 1 << width
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise WasmFormatError(start, f"an s{bits} in range")
        return value
