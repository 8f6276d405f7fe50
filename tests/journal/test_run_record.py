"""Header and footer as bytes, and the locator of their fields."""

from __future__ import annotations

import contextlib
from typing import Any
from zlib import adler32

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import JournalError, UnknownEvent
from genvm_replay.journal.record import encode_struct
from genvm_replay.journal.run import named
from genvm_replay.journal.run_record import (
    decode_footer,
    decode_header,
    field_tags,
    footer_fields,
    header_fields,
)

from .samples import FOOTER, HEADER


def test_both_ways() -> None:
    """Header and footer come back."""
    assert decode_header(encode_struct(HEADER)) == HEADER
    assert decode_footer(encode_struct(FOOTER)) == FOOTER


def test_fields_are_named_and_tagged() -> None:
    """Nested fields have dotted names; a tag is the Adler-32 of a field's msgpack."""
    fields = header_fields(encode_struct(HEADER))
    assert [name for name, _ in fields][:3] == ["kind", "tx", "role"]
    assert ("message.chain_id", "61999") in fields
    assert ("limits.fuel", None) in fields
    tags = field_tags(fields)
    assert tags[:4] == adler32(msgpack.packb("run_header/1")).to_bytes(4, "little")
    assert len(tags) == 4 * len(fields)
    assert ("interrupted", False) in footer_fields(encode_struct(FOOTER))


def test_a_named_header_is_a_version_of_its_own() -> None:
    """A header without a name keeps the bytes and the kind that it always had; with one it says so."""
    alice = named(HEADER, "alice")
    assert (alice.name, HEADER.name) == ("alice", "")
    assert decode_header(encode_struct(alice)) == alice
    assert msgpack.unpackb(encode_struct(alice)) == [
        "run_header/2",
        *msgpack.unpackb(encode_struct(HEADER))[1:],
        "alice",
    ]
    assert header_fields(encode_struct(alice))[-1] == ("name", "alice")
    assert encode_struct(named(alice, "")) == encode_struct(HEADER)


def test_newer_ones_are_named() -> None:
    """A header of a newer release says so."""
    plain: list[Any] = msgpack.unpackb(encode_struct(HEADER))
    with pytest.raises(UnknownEvent, match="'run_header/9' was written by a newer release"):
        decode_header(msgpack.packb(["run_header/9", *plain[1:], "more"]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgpack.packb(7),
        msgpack.packb(["run_header/1"]),
        msgpack.packb([*msgpack.unpackb(encode_struct(HEADER)), "surplus"]),
        encode_struct(HEADER) + b"\0",
    ],
)
def test_malformed_ones_are_refused(data: bytes) -> None:
    """Neither decoded nor named."""
    with pytest.raises(JournalError):
        decode_header(data)
    with pytest.raises(JournalError):
        header_fields(data)


@given(st.binary(max_size=100))
def test_garbage(data: bytes) -> None:
    """Hostile bytes raise nothing but `JournalError`."""
    for read in (decode_header, decode_footer, header_fields, footer_fields):
        with contextlib.suppress(JournalError):
            read(data)


def test_other_encodings_are_refused() -> None:
    """There is one form, so that it can be hashed."""
    data = encode_struct(HEADER)
    longer = b"\xdc\x00" + bytes([data[0] & 0x0F]) + data[1:]
    assert msgpack.unpackb(longer) == msgpack.unpackb(data)
    with pytest.raises(JournalError, match="canonical"):
        decode_header(longer)
