"""The value format between contracts and host (sdk.md section 3): `encode`, `decode`, `to_str`."""

from genlayer.py.calldata_decoding import decode
from genlayer.py.calldata_encoding import (
    CalldataEncodable,
    Encodable,
    EncodableWithDefault,
    dataclass_as_mapping,
    encode,
)
from genlayer.py.calldata_text import to_str
from genlayer.py.varint import DecodingError

Decoded = Encodable

__all__ = (
    "CalldataEncodable",
    "Decoded",
    "DecodingError",
    "Encodable",
    "EncodableWithDefault",
    "dataclass_as_mapping",
    "decode",
    "encode",
    "to_str",
)
