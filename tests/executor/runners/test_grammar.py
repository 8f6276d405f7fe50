"""runner.json is read as the deployed executor reads it (spec/executor.md 6.3)."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.runners.actions import (
    Action,
    AddEnv,
    Depends,
    LinkWasm,
    MapFile,
    Seq,
    SetArgs,
    StartWasm,
    When,
    With,
)
from genvm_replay.executor.runners.grammar import ACTIONS, parse_action
from genvm_replay.executor.stops import VmError

from .steps import at_most

START = StartWasm("f")
GOOD: list[tuple[str, Action]] = [
    ('{"MapFile": {"to": "/a", "file": "b"}}', MapFile("/a", "b")),
    ('{"MapFile": {"file": "b", "$x": [1, NULL], "to": "/a"}}'.replace("NULL", "null"), MapFile("/a", "b")),
    ('{"MapFile": ["/a", "b"]}', MapFile("/a", "b")),
    ('{"AddEnv": {"name": "N", "val": "V"}}', AddEnv("N", "V")),
    ('{"AddEnv": ["N", "V"]}', AddEnv("N", "V")),
    ('{"SetArgs": []}', SetArgs(())),
    ('{"SetArgs": ["a", ""]}', SetArgs(("a", ""))),
    ('{"Depends": "a:b"}', Depends("a:b")),
    ('{"LinkWasm": "f"}', LinkWasm("f")),
    (' \t\r\n{"StartWasm": "f"} \n', START),
    ('{"StartWasm": "\\ud83d\\ude00"}', StartWasm("\U0001f600")),
    ('{"When": {"cond": "det", "action": {"StartWasm": "f"}}}', When("det", START)),
    ('{"When": ["nondet", {"StartWasm": "f"}]}', When("nondet", START)),
    ('{"Seq": []}', Seq(())),
    ('{"Seq": [{"StartWasm": "f"}, {"Seq": []}]}', Seq((START, Seq(())))),
    ('{"With": {"runner": "<contract>", "action": {"StartWasm": "f"}}}', With("<contract>", START)),
    ('{"With": ["a:b", {"StartWasm": "f"}]}', With("a:b", START)),
    ('{"AddEnv": {"name": "N", "val": "V", "x": 1, "x": 2}}', AddEnv("N", "V")),
]
DEEPEST = '{"Seq": [' * 63 + '{"StartWasm": "f"}' + "]}" * 63  # 127 levels
BAD = [
    "",
    "null",
    "1",
    '"StartWasm"',
    "[]",
    "{}",
    "{",
    '{"StartWasm": "f"} x',
    "\ufeff{}",
    '{"StartWasm": "f", "$schema": "x"}',
    '{"StartWasm": "f", "StartWasm": "f"}',
    '{"SetEnv": {"name": "N", "value": "V"}}',
    '{"StartPython": []}',
    '{"startwasm": "f"}',
    '{"StartWasm": null}',
    '{"StartWasm": 1}',
    '{"StartWasm": ["f"]}',
    '{"StartWasm": "\\ud800"}',
    '{"StartWasm": "a\nb"}',
    "{'StartWasm': 'f'}",
    '{"LinkWasm": {}}',
    '{"Depends": {"runner": "a:b"}}',
    '{"MapFile": "a"}',
    '{"MapFile": {"to": "/a"}}',
    '{"MapFile": {"to": "/a", "file": null}}',
    '{"MapFile": {"to": "/a", "file": "b", "to": "/a"}}',
    '{"MapFile": ["/a"]}',
    '{"MapFile": ["/a", "b", "c"]}',
    '{"AddEnv": {"name": "N", "value": "V"}}',
    '{"AddEnv": ["N", 1]}',
    '{"SetArgs": "a"}',
    '{"SetArgs": [1]}',
    '{"SetArgs": {"args": []}}',
    '{"When": {"cond": "never", "action": {"StartWasm": "f"}}}',
    '{"When": {"cond": ["det"], "action": {"StartWasm": "f"}}}',
    '{"When": {"cond": "det"}}',
    '{"When": ["det", []]}',
    '{"Seq": {}}',
    '{"Seq": [null]}',
    '{"With": {"action": {"StartWasm": "f"}}}',
    '{"With": ["a:b", "f"]}',
    '{"AddEnv": {"name": "N", "val": "V", "x": NaN}}',
    '{"AddEnv": {"name": "N", "val": "V", "x": -Infinity}}',
]


@pytest.mark.parametrize(("text", "action"), GOOD)
def test_good(text: str, action: Action) -> None:
    """Every action, as an object and as an array."""
    assert parse_action(text.encode()) == action


def test_deepest() -> None:
    """127 levels are read."""
    assert isinstance(parse_action(DEEPEST.encode()), Seq)


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str) -> None:
    """Each with a reason."""
    with pytest.raises(VmError) as caught:
        parse_action(text.encode())
    assert caught.value.message == "invalid_contract"
    assert caught.value.cause.startswith("runner.json")


def test_every_action_has_rows() -> None:
    """In both tables."""
    for name in ACTIONS:
        assert any(f'"{name}"' in text for text, _ in GOOD)
        assert any(f'"{name}"' in text for text in BAD)


REPEATED: dict[str, tuple[bytes, bytes, bytes, int]] = {
    "deep in an ignored key": (b'{"AddEnv": {"name": "", "val": "", "x": ', b"[", b"]}}", 500),
    "deep": (b"", b"[", b"", 1_000_000),
    "deep objects": (b"", b'{"Seq":[', b"", 100_000),
    "large": (b"", b" ", b'{"StartWasm": "f"}', 1 << 20),
    "large number": (b'{"SetArgs": [', b"9", b"]}", 1_000_000),
    "open string of quotes": (b'"', b'\\"', b"", 500_000),
    "odd quotes": (b"", b'"', b"", 999_999),
    "backslashes": (b'"', b"\\", b"", 1_000_001),
    "many keys": (b'{"StartWasm": "f"', b',"x": 1', b"}", 80_000),
    "many half actions": (b'{"Seq": [', b"{},", b"{}]}", 300_000),
}
"""Front, what is repeated, end; how often it fits a runner.json."""


@pytest.mark.parametrize("raw", [b'{"StartWasm": "\xff"}', b"[" * 128 + b"]" * 128])
def test_hostile_texts(raw: bytes) -> None:
    """No UTF-8; one level too many."""
    with pytest.raises(VmError):
        parse_action(raw)


@pytest.mark.parametrize("why", REPEATED)
def test_hostile_texts_are_refused_soon(why: str) -> None:
    """In steps that grow with the text, not with its square; without deep recursion, as large as they may be."""
    front, piece, end, count = REPEATED[why]
    small = front + piece * 501 + end
    with at_most(500 + 10 * len(small)), contextlib.suppress(VmError):
        parse_action(small)
    with pytest.raises(VmError) as caught:
        parse_action(front + piece * count + end)
    assert caught.value.message == "invalid_contract"
    assert len(caught.value.cause) < 500


def test_brackets_in_strings_have_no_depth() -> None:
    """Nor have those behind an escaped quote."""
    text = json.dumps({"StartWasm": '\\"' + "[" * 1000})
    assert parse_action(text.encode()) == StartWasm('\\"' + "[" * 1000)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["det", "a:b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ACTIONS, "to", "file", "name", "val", "cond", "action", "runner"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_give_an_action_or_a_vm_error(raw: bytes) -> None:
    """Nothing else escapes."""
    with contextlib.suppress(VmError):
        parse_action(raw)
