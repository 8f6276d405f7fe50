"""Three 16-bit numbers (spec/executor.md 6.2)."""

from __future__ import annotations

import pytest

from genvm_replay.executor.runners.version import parse_version
from genvm_replay.executor.stops import VmError

GOOD = [
    ("v0.1.0", (0, 1, 0)),
    ("1.2.3", (1, 2, 3)),
    (" \tv65535.0.1\r\n", (65535, 0, 1)),
    ("\u3000v1.0.0\xa0", (1, 0, 0)),
    ("v0001.000000002.3", (1, 2, 3)),
]
BAD = ["", "v", "1.2", "1.2.3.4", "v0.0.0", "v1.2.65536", "-1.2.3", "+1.2.3", "1. 2.3", "V1.2.3", "vv1.2.3"]
BAD += ["\u0661.2.3", "v1.2.3\x1c", "1.2.3-rc", "9" * 5000 + ".1.1"]


@pytest.mark.parametrize(("text", "version"), GOOD)
def test_good(text: str, version: tuple[int, int, int]) -> None:
    """With and without the v, with blanks around, with leading zeros."""
    assert parse_version(text) == version


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_bad(text: str) -> None:
    """Anything else, digits of other scripts too; the reason stays short."""
    with pytest.raises(VmError) as caught:
        parse_version(text)
    assert caught.value.message == "invalid_contract"
    assert len(caught.value.cause) < 200
