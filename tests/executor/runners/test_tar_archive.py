"""Runner archives are read as the deployed executor reads them, oddities included (spec/executor.md 6.6)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.runners.tar_archive import read_tar
from genvm_replay.executor.stops import VmError

from .archives import patched, tarred
from .steps import at_most

FILES = {"runner.json": b"{}", "a/b.txt": b"x" * 512, "a/c.bin": b"y" * 513, "empty": b"", "\u00e9": b"z"}
GOOD = tarred(FILES)
ONE = tarred({"name": b"data"})

REFUSED = {
    "empty": b"",
    "one block": bytes(512),
    "no whole blocks": GOOD[:-1],
    "another magic": patched(ONE, 257, b"ustar  \0"),
    "link": patched(ONE, 156, b"2"),
    "long name record": patched(ONE, 156, b"L"),
    "size in base 256": patched(ONE, 124, b"\x80"),
    "size with blanks": patched(ONE, 124, b"         4 \0"),
    "size with a NUL inside": patched(ONE, 126, b"\0"),
    "size with an 8": patched(ONE, 130, b"8"),
    "too large": patched(ONE, 124, b"77777777777"),
    "name is no UTF-8": patched(ONE, 0, b"\xff"),
    "a name twice": ONE[:1024] + ONE,
    "one zero block, then data": bytes(512) + ONE,
}


@pytest.mark.parametrize("why", REFUSED)
def test_refused(why: str) -> None:
    """Each with a reason."""
    with pytest.raises(VmError) as caught:
        read_tar(REFUSED[why])
    assert caught.value.message == "invalid_contract"
    assert caught.value.cause.startswith("tar: ")


def test_files() -> None:
    """Everything is there, and all of the archive is charged."""
    archive = read_tar(GOOD)
    assert (dict(archive), archive.charged_size) == (FILES, len(GOOD))


@pytest.mark.parametrize("type_byte", [b"0", b"\0", b"5"])
def test_types(type_byte: bytes) -> None:
    """The type does not make a directory: the name does."""
    assert dict(read_tar(patched(ONE, 156, type_byte))) == {"name": b"data"}


def test_metadata_is_ignored() -> None:
    """Mode, owners, time and checksum may be anything."""
    assert dict(read_tar(patched(patched(ONE, 100, b"x" * 24), 136, b"y" * 20))) == {"name": b"data"}


def test_last_byte_of_a_field_is_never_looked_at() -> None:
    """A name of 100 bytes loses its last one; a size may end with anything."""
    name = "n" * 99
    assert list(read_tar(tarred({name + "X": b""}))) == [name]
    assert dict(read_tar(patched(ONE, 135, b"Z"))) == {"name": b"data"}
    assert dict(read_tar(patched(ONE, 124, b"4" + bytes(11)))) == {"name": b"data"}


def test_no_slash_between_the_halves_of_a_name() -> None:
    """The prefix is put right in front of the name."""
    assert dict(read_tar(patched(ONE, 345, b"pre"))) == {"prename": b"data"}
    assert dict(read_tar(patched(ONE, 345, b"p" * 155))) == {"p" * 154 + "name": b"data"}


def test_directories_are_skipped_without_their_content() -> None:
    """Whatever size they state: the next block is a header again."""
    directory = patched(patched(ONE[:512], 4, b"/"), 124, b"00000077777")
    assert dict(read_tar(directory + ONE)) == {"name": b"data"}


def test_end() -> None:
    """Two zero blocks end it, or less than two blocks that are left; a header alone at the end is not seen."""
    assert dict(read_tar(bytes(1024))) == {}
    assert dict(read_tar(bytes(1024) + ONE)) == {}
    empty = tarred({"e": b""})[:512]
    assert dict(read_tar(ONE[:1024])) == {"name": b"data"}
    assert dict(read_tar(ONE[:1024] + empty)) == {"name": b"data"}
    assert dict(read_tar(ONE[:1024] + empty + bytes(512))) == {"name": b"data", "e": b""}


def test_many_headers_take_linear_time() -> None:
    """A fixed number of steps each."""
    header = patched(tarred({"d": b""})[:512], 1, b"/")
    with at_most(1000 * 20):
        assert dict(read_tar(header * 1000)) == {}


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=16), st.binary(max_size=64))
def test_any_bytes_give_an_archive_or_a_vm_error(at: int, new: bytes, tail: bytes) -> None:
    """Damaged archives, and bytes that are none."""
    for data in (patched(GOOD, at, new[: len(GOOD) - at]), tail * 512):
        with contextlib.suppress(VmError):
            assert sum(map(len, read_tar(data).values())) <= len(data)
