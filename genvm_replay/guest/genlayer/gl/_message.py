"""The message that started this VM: fd 0 is a file with one calldata map (sdk.md section 1.4, executor.md 5.1)."""

import os
import typing

import _genlayer_wasi as wasi

from genlayer.py import calldata
from genlayer.py.types import Address, u256

_READ_SIZE: typing.Final = 1 << 16


class MessageType(typing.NamedTuple):
    """What most contracts ask of the message."""

    contract_address: Address
    sender_address: Address
    origin_address: Address
    value: u256
    chain_id: u256

    @classmethod
    def of(cls, raw: "MessageRawType") -> "MessageType":
        """Choose from the whole message."""
        return cls(
            raw["contract_address"],
            raw["sender_address"],
            raw["origin_address"],
            raw["value"],
            raw["chain_id"],
        )


class MessageRawType(typing.TypedDict):
    """The whole message."""

    contract_address: Address
    sender_address: Address
    origin_address: Address
    stack: list[Address]
    value: u256
    datetime: str
    is_init: bool
    chain_id: u256
    entry_kind: int
    entry_data: bytes
    entry_stage_data: typing.Any


def read_message() -> MessageRawType:
    """Read fd 0 from its start and put it back there, so that a contract can read it as well."""
    if not wasi.HAS_HOST:
        raise RuntimeError("there is no VM around this contract, and so no message")
    raw: MessageRawType = calldata.decode(_read_all(0))
    return raw


def _read_all(fd: int) -> bytes:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError:  # a pipe, in a test outside the VM
        return b"".join(iter(lambda: os.read(fd, _READ_SIZE), b""))
    size = os.fstat(fd).st_size
    data = os.read(fd, size)
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            break
        data += more
    os.lseek(fd, 0, os.SEEK_SET)
    return data
