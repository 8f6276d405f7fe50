"""What a module says back: always calldata, by fixed rules, and never more than allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay import calldata
from genvm_replay.calldata import Address
from genvm_replay.host_bridge.modules import ATTEMPTS_MAX, Said, split_attempts
from genvm_replay.modules import envelope
from genvm_replay.modules.errors import ModuleError

EXACT: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (1.0, 1),
    (-0.0, 0),
    (0.1, "0.1"),
    (1e22, "1e+22"),
    (float(2**53 - 1), 2**53 - 1),
    (float(2**53), "9007199254740992.0"),
    (float("nan"), "nan"),
    (float("-inf"), "-inf"),
    (2**200, 2**200),
    ("\ud800!", "?!"),
    ("ä\U0001f600", "ä\U0001f600"),
    (b"\xff", b"\xff"),
    (bytearray(b"a"), b"a"),
    ((1, [2.5]), [1, ["2.5"]]),
    ({"k\udfff": {"n": 0.5}}, {"k?": {"n": "0.5"}}),
    (Address(b"a" * 20), Address(b"a" * 20)),
]


@pytest.mark.parametrize(("value", "carried"), EXACT, ids=[repr(value) for value, _ in EXACT])
def test_values(value: Any, carried: Any) -> None:
    """Numbers with a fraction become text, by one rule; the rest stays what it is."""
    assert calldata.decode(calldata.encode(envelope.ok(value))) == {"Ok": carried}


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else 1


@pytest.mark.parametrize(
    "value", [object(), {1: 2}, {"a": {3}}, deep(200)], ids=["object", "key", "set", "deep"]
)
def test_values_without_a_calldata_form(value: Any) -> None:
    """Are a fatal error, not a crash."""
    with pytest.raises(ModuleError) as refused:
        envelope.ok(value)
    assert refused.value.causes[0] == "ANSWER_NO_CALLDATA"
    assert refused.value.fatal


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(anything)
def test_whatever_scripts_give(value: Any) -> None:
    """Has a reply that can be sent, as an answer, as the context of an error, and as an attempt."""
    for reply in (
        envelope.ok(value),
        envelope.failed(ModuleError("A", ctx={"v": value})),
        envelope.failed(ModuleError("A", ctx={"v": value}, fatal=True)),
    ):
        frame = envelope.encode(reply, [{"v": value}], 1 << 20)
        said = split_attempts(frame, keep_raw=True)
        assert said.reply == calldata.encode(reply)
        assert len(said.attempts) == 1


def test_user_errors() -> None:
    """Causes and context; whole numbers beyond a double's become text."""
    told = envelope.failed(ModuleError("A", "B", ctx={"n": 2**53, "m": 2**53 - 1, "f": 1.5}))
    assert told == {
        "UserError": {"causes": ["A", "B"], "ctx": {"n": "9007199254740992", "m": 2**53 - 1, "f": "1.5"}}
    }
    assert list(envelope.failed(ModuleError("A", ctx={"v": object()}))) == ["FatalError"]


def test_unexpected_exceptions() -> None:
    """Tell their type only."""
    told = envelope.broken(ValueError("sk-secret"))
    assert json.loads(str(told["FatalError"])) == {
        "causes": ["INTERNAL", "ValueError"],
        "fatal": True,
        "ctx": {},
    }


RAW = {"backend": "b", "raw": b"r" * 500}
BARE = {"backend": "b"}


@pytest.mark.parametrize(
    ("bytes_max", "told"),
    [(1000, (RAW,)), (500, (BARE,)), (40, ()), (10, None)],
    ids=["all", "no raw", "none", "error"],
)
def test_what_gives_way_first(bytes_max: int, told: tuple[Any, ...] | None) -> None:
    """Where a reply grows too large: what providers said, then all attempts, then the answer itself."""
    reply = envelope.ok("x" * 20)
    said = split_attempts(envelope.encode(reply, [RAW], bytes_max, keep_raw=True), keep_raw=True)
    if told is None:
        assert b"ANSWER_TOO_LARGE" in said.reply
    else:
        assert said == Said(calldata.encode(reply), told)


def test_attempts_are_bounded_and_flat() -> None:
    """So that what an executor checks always holds."""
    many = [{"n": number, "inner": {"a": [1]}, "odd": object()} for number in range(ATTEMPTS_MAX + 5)]
    said = split_attempts(envelope.encode(envelope.ok(1), many, 1 << 20), keep_raw=True)
    assert len(said.attempts) == ATTEMPTS_MAX
    assert said.attempts[0] == {"n": 0, "inner": '{"a":[1]}', "odd": "object"}


def test_what_providers_said() -> None:
    """Is told to who asks for it, and kept by who asked: neither side trusts the other with that."""
    reply = envelope.ok(1)
    assert b"rrr" not in envelope.encode(reply, [RAW], 1000)
    frame = envelope.encode(reply, [RAW], 1000, keep_raw=True)
    assert split_attempts(frame, keep_raw=True).attempts == (RAW,)
    assert split_attempts(frame, keep_raw=False).attempts == (BARE,)


NO_ATTEMPTS: list[Any] = [
    "text",
    b"",
    1,
    None,
    [1],
    [[]],
    [{"a": [1]}],
    [{"a": {}}],
    [{}] * (ATTEMPTS_MAX + 1),
]


@pytest.mark.parametrize("told", NO_ATTEMPTS, ids=[repr(one)[:20] for one in NO_ATTEMPTS])
def test_attempts_that_are_none(told: Any) -> None:
    """A module that breaks the protocol."""
    with pytest.raises(ValueError, match="attempts"):
        split_attempts(calldata.encode({"Ok": 1, "attempts": told}), keep_raw=True)


@pytest.mark.parametrize("reply", [b"", b"\x07", calldata.encode("Ok"), calldata.encode({"Ok": 1})])
def test_replies_without_attempts(reply: bytes) -> None:
    """Stay as they are, also those that are none: whoever reads them says so."""
    assert split_attempts(reply, keep_raw=True) == Said(reply)
