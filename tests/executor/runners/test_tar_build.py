"""Archives are built to the byte: the published ids come out (spec/executor.md 6.5, 6.6)."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import UsageError
from genvm_replay.executor.runners.nix_base32 import runner_hash
from genvm_replay.executor.runners.published import NEWEST
from genvm_replay.executor.runners.stand_ins import GLUE, glue_json
from genvm_replay.executor.runners.tar_archive import read_tar
from genvm_replay.executor.runners.tar_build import build_tar

NAMES = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=24
).filter(lambda name: not name.endswith("/") and name != "runner.json")


@pytest.mark.parametrize("name", GLUE)
def test_published_ids_come_out(name: str) -> None:
    """The official glue runners hold only a runner.json, so their real ids can be made here."""
    assert runner_hash(build_tar({"runner.json": glue_json(name, NEWEST)})) == NEWEST[name]


def test_id_of_a_small_archive_is_stable() -> None:
    """Whatever order the files and the keys are in."""
    one = build_tar({"runner.json": b'{"Seq": [{"StartWasm": "a"}]}', "a": b"1"})
    other = build_tar({"a": b"1", "runner.json": b' { "Seq" : [ {"StartWasm":"a"} ] } \n'})
    assert one == other
    assert runner_hash(one) == "1mf5m4mpn952wcj2cpfh6g13c29r9yy1d7m64wga5w1lvdi32lrc"


@given(st.dictionaries(NAMES, st.binary(max_size=1200), max_size=5))
def test_round_trip(files: dict[str, bytes]) -> None:
    """What is built is read back, sorted; other programs read it too."""
    tar = build_tar(files)
    assert list(read_tar(tar).items()) == sorted(files.items())
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getnames() == sorted(files)


@pytest.mark.parametrize("name", ["", "d/", "n" * 100, "\u00e9" * 50, "n\0"])
def test_names_that_a_reader_would_change(name: str) -> None:
    """Rather no archive than another one."""
    with pytest.raises(UsageError):
        build_tar({name: b""})


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_runner_json_must_be_json(text: bytes) -> None:
    """Otherwise there is no canonical form of it."""
    with pytest.raises(UsageError, match=r"runner\.json"):
        build_tar({"runner.json": text})
