"""Calldata by native code (native.c), in the VM only. It declines what is unusual or wrong; Python does that.

A frame names the objects that both sides must agree on by their addresses. All of them live as long as this module.
"""

import sys
import typing

from genlayer.py.types import Address

if typing.TYPE_CHECKING:
    from collections.abc import Callable

DECLINED: typing.Final = object()
PLAIN_TYPES: typing.Final = (int, str, bytes, list, tuple, dict, Address)  # in the order of native.c

_decoded: typing.Final[list[typing.Any]] = []  # where native code puts what it decoded
_agreed: typing.Final[list[typing.Any]] = [None, False, True, *PLAIN_TYPES]
_heads: typing.Final = [b"\x81", b"\x82"]  # how frames to encode and to decode begin; `start` completes them

if sys.platform == "wasi":
    from struct import Struct

    from _host import call as _call

    _pack_address = Struct("<I").pack

    def start(plain: "Callable[[typing.Any], typing.Any]") -> None:
        """Say what turns values of other types into plain ones."""
        _agreed.append(plain)
        addresses = b"".join(_pack_address(id(item)) for item in _agreed)
        _heads[:] = _heads[0] + addresses, _heads[1] + addresses + _pack_address(id(_decoded))

    def encode(x: typing.Any) -> bytes:
        """Encode a value with the usual `default`; nothing if it is declined."""
        return _call(_heads[0] + _pack_address(id(x)))

    def decode(data: bytes) -> typing.Any:
        """Decode one value that fills `data`; `DECLINED` if it is declined."""
        _call(_heads[1] + data)
        return _decoded.pop() if _decoded else DECLINED

else:

    def start(plain: "Callable[[typing.Any], typing.Any]") -> None:
        """Nothing to start outside the VM."""

    def encode(x: typing.Any) -> bytes:
        """Decline."""
        return b""

    def decode(data: bytes) -> typing.Any:
        """Decline."""
        return DECLINED
