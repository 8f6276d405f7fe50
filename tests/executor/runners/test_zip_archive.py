"""Zip contracts: the entries as they are, or a refusal, in bounded steps (spec/executor.md 6.1)."""

from __future__ import annotations

import contextlib
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genvm_replay.executor.runners.zip_archive import read_zip
from genvm_replay.executor.stops import VmError

from .archives import end_record, patched, zipped
from .steps import at_most

FILES = {"runner.json": b"{}", "dir/": b"", "dir/a.txt": b"hello", "\u00e9.txt": b"", "b": bytes(range(256))}
GOOD = zipped(FILES)
ONE = zipped({"a": b"content"})
LOCAL, ENTRY = 0, ONE.index(b"PK\x01\x02")
END = 22

SEVERAL_READINGS = {
    "compressed": zipped({"a": b"a" * 100}, zipfile.ZIP_DEFLATED),
    "encrypted": patched(patched(ONE, LOCAL + 6, b"\x01"), ENTRY + 8, b"\x01"),
    "streamed": patched(patched(ONE, LOCAL + 6, b"\x08"), ENTRY + 8, b"\x08"),
    "on another disk": patched(ONE, ENTRY + 34, b"\x01"),
    "two sizes": patched(ONE, ENTRY + 24, b"\x09"),
    "sizes of the headers differ": patched(ONE, LOCAL + 18, b"\x01\0\0\0\x01"),
    "names of the headers differ": patched(ONE, LOCAL + 30, b"b"),
    "reaches outside": patched(patched(ONE, LOCAL + 18, b"\xff\0\0\0\xff"), ENTRY + 20, b"\xff\0\0\0\xff"),
    "4 GiB": patched(patched(ONE, LOCAL + 18, b"\xff" * 8), ENTRY + 20, b"\xff" * 8),
    "no local header": patched(ONE, ENTRY + 42, b"\x01"),
    "offset outside": patched(ONE, ENTRY + 42, b"\xff\xff\xff\xff"),
    "name is no UTF-8": patched(patched(ONE, ENTRY + 9, b"\x08"), ENTRY + 46, b"\xff"),
    "zip64": ONE[:-END] + b"PK\x06\x07" + bytes(16) + patched(ONE[-END:], 12, struct.pack("<L", 67)),
}
NO_ZIP = {
    "empty": b"",
    "text": b"# hello",
    "only the magic": b"PK\x05\x06",
    "the record is cut": GOOD[:-1],
    "data behind it": GOOD + b"\n",
    "count too high": patched(ONE, -END + 8, b"\x02\0\x02\0"),
    "counts differ": patched(ONE, -END + 8, b"\x02\0\x01\0"),
    "huge count": end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
    "huge offset": patched(ONE, -END + 16, b"\xff\xff\xff\xff"),
    "another disk": patched(ONE, -END + 4, b"\x01"),
    "no directory": patched(ONE, ENTRY, b"XX"),
    "name longer than the directory": patched(ONE, ENTRY + 28, b"\xff\xff"),
}


def entries(code: bytes) -> dict[str, bytes]:
    archive = read_zip(code)
    assert archive is not None
    return dict(archive)


def refused(code: bytes) -> str:
    with pytest.raises(VmError) as caught:
        read_zip(code)
    assert caught.value.message == "invalid_contract"
    return caught.value.cause


@pytest.mark.parametrize("prefix", [b"", b"#!/bin/sh\n", b"\0asm\x01\0\0\0", b"PK\x05\x06" * 9])
def test_entries_with_data_in_front(prefix: bytes) -> None:
    """All entries are there, directories too; the whole file is charged."""
    archive = read_zip(prefix + GOOD)
    assert archive is not None
    assert dict(archive) == FILES
    assert archive.charged_size == len(prefix + GOOD)


def test_comment_and_empty_file() -> None:
    """A comment may hold what looks like another end; no entries are an archive too."""
    comment = end_record(0, 0, 0) + b"bye"
    assert entries(end_record(0, 0, 0, comment)) == {}
    with_comment = ONE[:-2] + struct.pack("<H", 3) + b"bye"
    assert entries(with_comment) == {"a": b"content"}


def test_old_names_are_in_code_page_437() -> None:
    """Without the UTF-8 flag, as the format has it."""
    code = patched(patched(ONE, 30, b"\x82"), ENTRY + 46, b"\x82")
    assert list(entries(code)) == ["\u00e9"]


def test_content_of_a_directory_is_dropped() -> None:
    """An entry is a directory by its name alone."""
    assert entries(zipped({"d/": b"content"})) == {"d/": b""}


@pytest.mark.parametrize("why", SEVERAL_READINGS)
def test_refused(why: str) -> None:
    """A zip file that readers may disagree about is no contract."""
    assert refused(SEVERAL_READINGS[why]).startswith("zip: ")


@pytest.mark.parametrize("why", NO_ZIP)
def test_no_zip(why: str) -> None:
    """Text and wasm are tried next."""
    assert read_zip(NO_ZIP[why]) is None


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice() -> None:
    """Whether the contents are the same or not."""
    assert "twice" in refused(zipped([("a", b"1"), ("a", b"1")]))


class CountingBytes(bytes):
    """Counts what is copied out of it."""

    copied = 0

    def __getitem__(self, at: Any) -> Any:
        piece = super().__getitem__(at)
        self.copied += len(piece) if isinstance(at, slice) else 1
        return piece


def nested(count: int, size: int) -> bytes:
    """Entries inside one another: all but the last hold the local headers of those behind them."""
    local, directory = b"", b""
    head = 30 + 5
    for number in range(count):
        left = (count - 1 - number) * head + size
        name = b"%05d" % number
        fields = (10, 0, 0, 0, 0, 0, left, left, 5, 0)
        directory += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 10, *fields, 0, 0, 0, 0, len(local)) + name
        local += struct.pack("<4s5H3L2H", b"PK\x03\x04", *fields) + name
    content = local + bytes(size)
    return content + directory + end_record(count, len(directory), len(content))


def test_entries_inside_one_another_are_refused_before_they_are_copied() -> None:
    """Ten thousand times ten megabytes would be a hundred gigabytes."""
    assert list(entries(nested(1, 10))) == ["00000"]
    assert "overlap" in refused(nested(2, 10))
    code = CountingBytes(nested(10_000, 10 << 20))
    assert "overlap" in refused(code)
    assert 0 < code.copied < 1 << 20


def test_as_many_entries_as_the_format_has() -> None:
    """All 65535 are there."""
    assert len(entries(zipped({str(number): b"" for number in range(0xFFFF)}))) == 0xFFFF


def test_many_entries_take_linear_time() -> None:
    """A fixed number of steps each."""
    code = zipped({str(number): b"" for number in range(1000)})
    with at_most(1000 * 60):
        assert len(entries(code)) == 1000


@given(st.binary(max_size=100), st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4))
@example(b"", len(GOOD) - 6, b"\xff\xff\xff\xff")
def test_any_bytes_give_an_archive_or_nothing_or_a_vm_error(prefix: bytes, at: int, new: bytes) -> None:
    """A damaged zip file, and bytes that are none."""
    for code in (prefix, prefix + patched(GOOD, at, new[: len(GOOD) - at]), prefix + end_record(1, 46, 0)):
        with contextlib.suppress(VmError):
            archive = read_zip(code)
            assert archive is None or sum(map(len, archive.values())) <= len(code)
