"""Keccak-256 as Ethereum uses it: the padding from before FIPS 202, rate 136 (sdk.md section 1.3)."""

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing_extensions import Buffer

if sys.platform == "wasi":  # in the VM: native code behind the door answers, see native.c
    from _host import call as _call

    def _hash(data: bytearray) -> bytes:
        return _call(b"\x80" + data)
else:
    from genlayer.py.keccak_portable import keccak256

    def _hash(data: bytearray) -> bytes:
        return keccak256(bytes(data))


DIGEST_SIZE: Final = 32


class Keccak256:
    """A hash object with the methods of those in `hashlib`."""

    __slots__ = ("_data",)

    def __init__(self, data: "Buffer | None" = None) -> None:
        self._data = bytearray()
        if data is not None:
            self.update(data)

    def update(self, data: "Buffer", /) -> None:
        """Add data to what is hashed."""
        self._data += memoryview(data)

    def digest(self) -> bytes:
        """Give the 32-byte hash of everything added so far; more may be added later."""
        return _hash(self._data)

    def hexdigest(self) -> str:
        """Give the hash as 64 lower-case hexadecimal digits."""
        return self.digest().hex()
