"""Calldata: the value format that contracts, hosts and modules exchange (spec/executor.md section 3).

`binary` is the wire form, `text` the debug form, `jsonform` what people type on a command line.
"""

from .binary import CalldataError, decode, encode
from .text import to_text
from .types import Address, Value

__all__ = ["Address", "CalldataError", "Value", "decode", "encode", "to_text"]
