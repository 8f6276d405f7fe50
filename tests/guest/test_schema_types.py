"""Schemas of any combination of types (sdk.md section 4.4), annotated in the open and in quotes."""

import json
import typing

import pytest
from genlayer.py.get_schema import get_schema
from genlayer.py.storage import DynArray, TreeMap
from genlayer.py.types import Address, bigint, i8, u8, u256
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = {"Address": Address, "DynArray": DynArray, "TreeMap": TreeMap, "typing": typing}
NAMES |= {"bigint": bigint, "i8": i8, "u8": u8, "u256": u256}
LEAVES = {
    **{"bool": "bool", "int": "int", "str": "string", "bytes": "bytes", "Address": "address", "None": "null"},
    **{"u8": "int", "i8": "int", "u256": "int", "bigint": "int", "typing.Any": "any", "list": "array"},
    **{"dict": "dict", "tuple": "array", "bytearray": "array", "typing.Literal['a', 1]": "any"},
}
DISTINCT = ("bool", "str", "bytes", "Address", "None", "u8", "list")  # no two are one type


def leaf(name):
    return name, LEAVES[name]


def combined(inner):
    def one(template, described):
        return inner.map(lambda item: (template.format(item[0]), described(item[1])))

    return st.one_of(
        one("list[{}]", lambda d: [{"$rep": d}]),
        one("DynArray[{}]", lambda d: [{"$rep": d}]),
        one("typing.Sequence[{}]", lambda d: [{"$rep": d}]),
        one("tuple[{}, ...]", lambda d: [{"$rep": d}]),
        one("dict[str, {}]", lambda d: {"$dict": d}),
        one("TreeMap[str, {}]", lambda d: {"$dict": d}),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda items: (
                f"tuple[{', '.join(name for name, _ in items)}]",
                [described for _, described in items],
            )
        ),
    )


# In one order: to `typing` unions of the same types are equal, and it gives the first that it made.
UNIONS = (
    st.sets(st.sampled_from(DISTINCT), min_size=2, max_size=4)
    .map(sorted)
    .map(lambda names: (f"typing.Union[{', '.join(names)}]", {"$or": [LEAVES[name] for name in names]}))
)
TYPES = st.recursive(st.sampled_from(sorted(LEAVES)).map(leaf) | UNIONS, combined, max_leaves=8)


@given(types=st.lists(TYPES, min_size=1, max_size=4), future=st.booleans(), split=st.integers(0, 4))
@settings(deadline=None, max_examples=100)
def test_any_types(types, future, split):
    """Parameters by position, keyword parameters and the result are described alike, in order."""
    names = [f"p{number}: {text}" for number, (text, _) in enumerate(types)]
    parameters = ", ".join(["self", *names[:split], *(["*", *names[split:]] if names[split:] else [])])
    source = f"class C:\n    def __init__({parameters}): ...\n    def m({parameters}) -> {types[0][0]}: ...\n"
    source += "    m.__gl_public__ = True\n    m.__gl_readonly__ = True\n"
    namespace = dict(NAMES)
    exec(("from __future__ import annotations\n" if future else "") + source, namespace)
    schema = json.loads(get_schema(namespace["C"]))
    described = [described for _, described in types]
    expected = {
        "params": [[f"p{number}", d] for number, d in enumerate(described[:split])],
        "kwparams": {f"p{number}": d for number, d in list(enumerate(described))[split:]},
    }
    assert schema == {"ctor": expected, "methods": {"m": {**expected, "readonly": True, "ret": described[0]}}}


@pytest.mark.parametrize(
    "hint", ["float", "set[int]", "frozenset", "object", "dict[int, str]", "typing.Callable", "complex"]
)
@settings(deadline=None, max_examples=10)
@given(wrapped=st.sampled_from(["{}", "list[{}]", "dict[str, {}]", "tuple[int, {}]", "{} | None"]))
def test_what_no_call_carries(hint, wrapped):
    """Wherever such a type stands, it is refused, with the place."""
    namespace = dict(NAMES)
    exec(
        f"class C:\n    def m(self, x: {wrapped.format(hint)}): ...\n    m.__gl_public__ = True\n", namespace
    )
    with pytest.raises(TypeError) as caught:
        get_schema(namespace["C"])
    assert any("C.m" in note for note in caught.value.__notes__)
