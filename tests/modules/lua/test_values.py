"""Values on both sides of the border."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua import values

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


def arrived(value):
    """What comes back of a value, by the documented rules."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, list):
        if None in value:
            return arrived(dict(enumerate(value, 1)))
        return [arrived(item) for item in value] or {}
    if isinstance(value, dict):
        kept = {arrived(key): arrived(item) for key, item in value.items() if item is not None}
        count = len(kept)
        return (
            [kept[i] for i in range(1, count + 1)]
            if count and set(kept) == set(range(1, count + 1))
            else kept
        )
    return value


def same(left, right):
    """Equal, with NaN equal to itself and 1 no 1.0."""
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    return type(left) is type(right) and left == right


@settings(max_examples=40, deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_a_value_goes_through_lua_and_back(pools, given_values):
    """Text by UTF-8, whole numbers of 64 bits exactly, floats to the bit, an empty list as an empty map, no None."""
    source = "function f(ctx, value) return { value.it } end"
    got = pools.run([source], {"it": given_values})[0]
    assert same(got, arrived([given_values]))


@pytest.mark.parametrize(
    ("value", "crossed"),
    [
        ((1, 2), [1, 2]),
        (2**64, 2.0**64),
        (-(2**63), -(2**63)),
        (bytearray(b"x"), b"x"),
        ({"a": (1,)}, {"a": [1]}),
    ],
)
def test_what_services_have_is_made_what_lua_can_hold(value, crossed):
    """Mappings, sequences, and numbers beyond 64 bits as floats, as Lua reads such a numeral."""
    got = values.to_script(value)
    assert got == crossed
    assert type(got) is type(crossed)


@pytest.mark.parametrize(
    ("value", "text"), [({"a": [object()]}, "value.a[0]: a object"), ({"a": {1, 2}}, "value.a: a set")]
)
def test_anything_else_is_refused_by_its_place(value, text):
    """The error says where it stands."""
    with pytest.raises(ModuleError, match="LUA_VALUE") as refused:
        values.to_script(value)
    assert text in refused.value.ctx["error"]


def test_a_value_that_holds_itself_is_refused():
    """Instead of a recursion without end."""
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ModuleError, match="LUA_VALUE"):
        values.to_script(endless)


READS = [
    (values.as_bytes, "ä", b"\xc3\xa4"),
    (values.as_bytes, b"\xff", b"\xff"),
    (values.as_text, b"a\xff", "a\ufffd"),
    (values.as_list, {}, []),
    (values.as_list, [1], [1]),
    (values.as_map, None, {}),
    (values.as_map, [], {}),
    (values.as_map, {"a": 1, b"\xff": 2}, {"a": 1, "\ufffd": 2}),
    (values.as_integer, 3.0, 3),
    (values.as_integer, 7, 7),
    (values.as_number, 7, 7.0),
]
REFUSED = [
    (values.as_bytes, 1, "a string is wanted, not a number"),
    (values.as_text, None, "a string is wanted, not nil"),
    (values.as_list, {"a": 1}, "a list is wanted, not a table"),
    (values.as_map, [1], "a table with names is wanted, not a table"),
    (values.as_map, {1: 1, 3: 1}, "x: a key: a string is wanted"),
    (values.as_integer, 3.5, "a whole number is wanted"),
    (values.as_integer, True, "a whole number is wanted, not a boolean"),
    (values.as_number, math.inf, "a finite number is wanted"),
    (values.as_number, "1", "a finite number is wanted, not a string"),
]


@pytest.mark.parametrize(("read", "value", "wanted"), READS)
def test_a_reader_settles_what_lua_leaves_open(read, value, wanted):
    """One kind of string and of table there, several here."""
    got = read(value, where="x")
    assert got == wanted
    assert type(got) is type(wanted)


@pytest.mark.parametrize(("read", "value", "text"), REFUSED)
def test_a_reader_says_what_it_wanted_where(read, value, text):
    """For the script's author."""
    with pytest.raises(ModuleError) as refused:
        read(value, where="x")
    assert text in refused.value.ctx["error"]
