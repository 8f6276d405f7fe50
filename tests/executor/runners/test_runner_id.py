"""Runner ids and where their archives lie (spec/executor.md 6.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.runners.nix_base32 import runner_hash
from genvm_replay.executor.runners.runner_id import RunnerId
from genvm_replay.executor.stops import VmError

BAD = ["", ":", "a", "a:", ":b", "a:b:c", "a b:c", "a:b/c", "../a:b", "a.b:c", "\u00e9:b", "a:b\n", "a=:b"]
BAD += ["<contract>", "a:" + "b" * 101, "a" * 101 + ":b", "\u0661:b"]


@pytest.mark.parametrize(
    ("text", "path"), [("a_B-9:x=-_Z", "a_B-9/x=/-_Z.tar"), ("n:12", "n/12/.tar"), ("n:1", "n/1/.tar")]
)
def test_good(text: str, path: str) -> None:
    """The first two letters of the hash make a folder."""
    runner = RunnerId.parse(text)
    assert (str(runner), runner.path) == (text, path)


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str) -> None:
    """Exactly one colon, letters of ASCII, no path."""
    with pytest.raises(VmError, match="invalid_contract"):
        RunnerId.parse(text)


@given(st.from_regex(r"[A-Za-z0-9_-]{1,100}:[A-Za-z0-9_=-]{1,100}", fullmatch=True))
def test_no_id_leaves_the_folder(text: str) -> None:
    """A path has its three parts and no dots but the last."""
    parts = RunnerId.parse(text).path.split("/")
    assert len(parts) == 3
    assert "." not in parts[0] + parts[1]


def test_verify_hash() -> None:
    """Any other byte is another runner."""
    runner = RunnerId("a", runner_hash(b"tar"))
    assert runner.verify_hash(b"tar")
    assert not runner.verify_hash(b"tAr")
