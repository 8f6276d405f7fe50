"""Storage seen by a contract: values, views, copies, refusals (sdk.md section 2)."""

import pytest

PRELUDE = """
from genlayer import *
import copy, dataclasses, datetime, pickle, typing
from dataclasses import dataclass, field
"""


def contract_source(fields, body, before="", constructor="pass"):
    lines = [f"    {line}" for line in fields.strip().splitlines()]
    lines += ["    def __init__(self):", *(f"        {line}" for line in constructor.splitlines())]
    lines += [
        "    @gl.public.write",
        "    def f(self):",
        *(f"        {line}" for line in body.strip().splitlines()),
    ]
    return f"{PRELUDE}{before}\nclass C(gl.Contract):\n" + "\n".join(lines) + "\n"


@pytest.fixture
def run(contract):
    """Deploy a contract with these fields and give what its method returns."""

    def start(fields, body, before=""):
        return contract(contract_source(fields, body, before)).call("f").returned

    return start


POINT = """
@allow_storage
@dataclass
class P:
    x: u8
    name: str = 'none'
    tags: DynArray[str] = field(default_factory=list)
"""

WORKS = {
    "zero values": (
        "a: u8\nb: i256\nc: bool\nd: str\ne: bytes\ng: bigint\nh: None\ni: Address\nj: DynArray[str]\n"
        "k: TreeMap[str, u8]\nl: Array[u8, typing.Literal[2]]",
        "return [self.a, self.b, self.c, self.d, self.e, self.g, self.h, self.i.as_bytes, self.j, self.k, self.l]",
        "",
        [0, 0, False, "", b"", 0, None, bytes(20), [], {}, [0, 0]],
    ),
    "zero time": ("t: datetime.datetime", "return self.t.isoformat()", "", "1970-01-01T00:00:00"),
    "naive time": (
        "t: datetime.datetime",
        "self.t = datetime.datetime(2024, 2, 3, 4, 5, 6, 7)\nreturn [self.t.isoformat(), self.t.tzinfo]",
        "",
        ["2024-02-03T04:05:06.000007", None],
    ),
    "time with a zone": (
        "t: datetime.datetime",
        "tz = datetime.timezone(datetime.timedelta(hours=-5))\n"
        "self.t = datetime.datetime(2024, 2, 3, 4, 5, 6, 7, tz)\nreturn self.t.isoformat()",
        "",
        "2024-02-03T04:05:06.000007-05:00",
    ),
    "signed": (
        "a: i8\nb: bigint",
        "self.a = -128; self.b = -2**300\nreturn [self.a, self.b]",
        "",
        [-128, -(2**300)],
    ),
    "float": ("a: float", "self.a = 0.1\nreturn repr(self.a)", "", "0.1"),
    "bytes-like": ("a: bytes", "self.a = bytearray(b'xy')\nreturn self.a", "", b"xy"),
    "class defaults": ("a: u8 = 5\nm: TreeMap[str, u8] = TreeMap()", "return [self.a, self.m]", "", [0, {}]),
    "class variables": (
        "a: u8\nLIMIT: typing.ClassVar[int] = 3",
        "self.a = self.LIMIT\nreturn self.a",
        "",
        3,
    ),
    "string annotations": ("a: 'DynArray[u8]'", "self.a.append(1)\nreturn self.a", "", [1]),
    "record defaults": ("a: P", "self.a = P(4)\nreturn self.a", POINT, {"x": 4, "name": "none", "tags": []}),
    "views alias": (
        "a: P\nl: DynArray[P]",
        "self.l.append(P(1)); self.a = self.l[0]; v = self.l[0]; v.x = 9; v.tags.append('t')\n"
        "return [self.l[0].x, self.a.x, self.l[0].tags]",
        POINT,
        [9, 1, ["t"]],
    ),
    "copies in memory are independent": (
        "a: P\nm: TreeMap[str, P]",
        "p = P(1); self.a = p; p.x = 2; c = gl.storage.copy_to_memory(self.a); c.x = 3; self.m['k'] = c; c.x = 4\n"
        "m = gl.storage.copy_to_memory(self.m); self.m['k'].x = 5\n"
        "return [self.a.x, self.m['k'].x, m['k'].x, p.x]",
        POINT,
        [1, 5, 3, 2],
    ),
    "dataclasses functions": (
        "a: P",
        "self.a = P(1, 'n', ['t']); b = dataclasses.replace(self.a, x=2); d = dataclasses.asdict(b)\n"
        "e = copy.deepcopy(b); b.x = 7; g = pickle.loads(pickle.dumps(e))\n"
        "return [b.x, d['x'], d['tags'], e.x, repr(g), copy.copy(b).x]",
        POINT,
        [7, 2, ["t"], 2, "P(x=2, name='n', tags=['t'])", 7],
    ),
    "frozen records": (
        "a: R",
        "self.a = R(3)\ntry: self.a.x = 4\nexcept dataclasses.FrozenInstanceError: return self.a.x",
        "@allow_storage\n@dataclass(frozen=True)\nclass R:\n    x: u8\n",
        3,
    ),
    "inheritance": (
        "a: Q",
        "self.a = Q(1, 2)\nreturn [self.a.y, self.a.x, self.a]",
        "@allow_storage\n@dataclass\nclass B:\n    x: u8\n"
        "@allow_storage\n@dataclass\nclass Q(B):\n    y: u8\n    def total(self): return self.x + self.y\n",
        [2, 1, {"x": 1, "y": 2}],
    ),
    "generic inheritance": (
        "a: I",
        "self.a.v = 'x'; self.a.items.append('y')\nreturn [self.a.v, self.a.items]",
        "T = typing.TypeVar('T')\n@allow_storage\nclass G(typing.Generic[T]):\n    v: T\n    items: DynArray[T]\n"
        "@allow_storage\nclass I(G[str]): pass\n",
        ["x", ["y"]],
    ),
    "generic in memory": (
        "a: G[str]",
        "g = gl.storage.inmem_allocate(G[str], 'v'); self.a = g\n"
        "try: G('v')\nexcept TypeError as e: return [self.a.v, str(e)]",
        "T = typing.TypeVar('T')\n@allow_storage\nclass G(typing.Generic[T]):\n    v: T\n"
        "    def __init__(self, v): self.v = v\n",
        ["v", "`G()` does not say what its field `v` is; use `gl.storage.inmem_allocate(G[...], ...)`"],
    ),
    "trees of records": (
        "root: N",
        "self.root.children.append(N()); self.root.children[0].name = 'leaf'\n"
        "self.root.children[0].children.append_new_get().name = 'deep'\n"
        "return [self.root.children[0].name, self.root.children[0].children[0].name]",
        "@allow_storage\nclass N:\n    name: str\n    children: DynArray['N']\n",
        ["leaf", "deep"],
    ),
    "empty containers": (
        "l: DynArray[u8]\nm: TreeMap[str, u8]\np: P",
        "self.l.append(1); self.m['a'] = 1\nself.l = DynArray(); self.m = TreeMap()\n"
        "self.p = P(1, tags=DynArray[str]())\nreturn [self.l, self.m, self.p.tags]",
        POINT,
        [[], {}, []],
    ),
    "typed containers": (
        "l: DynArray[u8]\nm: TreeMap[str, u8]",
        "l = DynArray[u8](); l.extend([1, 2]); m = TreeMap[str, u8](); m['a'] = 1\nself.l = l; self.m = m; m['b'] = 2\n"
        "return [self.l, self.m]",
        "",
        [[1, 2], {"a": 1}],
    ),
    "array assignment": (
        "l: DynArray[u8]\nk: DynArray[u8]",
        "self.l = [1, 2]; self.l += (3,); self.k = self.l; self.l[0] = 9\nreturn [self.l, self.k]",
        "",
        [[9, 2, 3], [1, 2, 3]],
    ),
    "fixed arrays": (
        "a: Array[str, typing.Literal[3]]\nb: Array[str, typing.Literal[3]]",
        "self.a = ['x', 'y', 'z']; self.b = self.a; self.a[-1] = 'w'; v = self.a[1:]\nv[0] = 'q'\n"
        "return [self.a, self.b, v, len(v)]",
        "",
        [["x", "q", "w"], ["x", "y", "z"], ["q", "w"], 2],
    ),
    "reverse of records": (
        "l: DynArray[P]",
        "self.l = [P(1, 'a'), P(2, 'b'), P(3, 'c')]; self.l.reverse()\nreturn [p.name for p in self.l]",
        POINT,
        ["c", "b", "a"],
    ),
    "indirection and vla": (
        "i: gl.storage.Indirection[P]\nv: gl.storage.Indirection[gl.storage.VLA[u16]]",
        "self.i.set(P(1)); self.i.get().x += 1; v = self.v.get(); v.extend([5, 6]); v.append(7); v[0] = 4\n"
        "n = list(v); v.truncate(1)\nreturn [self.i.get().x, n, list(v), v[-1]]",
        POINT,
        [2, [4, 6, 7], [4], 4],
    ),
    "stale items come back": (
        "l: DynArray[u8]",
        "self.l.extend([1, 2]); self.l.clear(); self.l.append_new_get()\nreturn self.l",
        "",
        [1],
    ),
    "kinds": (
        "l: DynArray[u8]\nm: TreeMap[str, u8]",
        "import collections.abc as c\n"
        "return [isinstance(self.l, c.Sequence), isinstance(self.l, list), isinstance(self.m, c.Mapping)]",
        "",
        [True, False, True],
    ),
    "locked slots": (
        "a: u8",
        "r = gl.storage.Root.get(); return [len(r.locked_slots.get()), r.locked_slots.get()[0], r.slot().as_int()]",
        "",
        [4, 0, 0],
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_works(run, name):
    """A contract stores and reads the value."""
    fields, body, before, returned = WORKS[name]
    assert run(fields, body, before) == returned


def test_mixin_fields(contract):
    """Fields of a mixin belong to the layout, those of the last base first."""
    source = contract_source(
        "b: u8", "self.a = 1; self.b = 2\nreturn [self.a, self.b]", "class M:\n    a: u8\n"
    )
    ended = contract(source.replace("(gl.Contract)", "(M, gl.Contract)")).call("f")
    assert ended.returned == [1, 2]
    assert [write.split()[1:] for write in ended.writes] == [["0", "01"], ["1", "02"]]


def test_future_annotations(contract):
    """Annotations that stay text are evaluated, for layout and schema."""
    source = contract_source("a: P", "self.a = P(1, 'q', ['t'])\nreturn self.a", POINT)
    chain = contract(
        "from __future__ import annotations\n" + source.replace("def f(self):", "def f(self) -> P:")
    )
    assert chain.call("f").returned == {"x": 1, "name": "q", "tags": ["t"]}
    assert (
        '"ret":{"x":"int","name":"string","tags":[{"$rep":"string"}]}' in chain.call("#get-schema").returned
    )


LAYOUT_ERRORS = [
    ("x: int", "C.x: int", "bigint"),
    ("x: list", "C.x: list", "DynArray"),
    ("x: list[u8]", "C.x: list[u8]", "DynArray"),
    ("x: dict[str, u8]", "C.x: dict[str, u8]", "TreeMap"),
    ("x: DynArray", "C.x: DynArray", "DynArray[str]"),
    ("x: TreeMap", "C.x: TreeMap", "TreeMap[str, u256]"),
    ("x: DynArray[int]", "C.x: DynArray[int]", "bigint"),
    ("x: str | None", "C.x:", "one type"),
    ("x: typing.Optional[str]", "C.x:", "one type"),
    ("x: tuple[u8, u8]", "C.x: tuple[u8, u8]", "@allow_storage"),
    ("x: set[str]", "C.x: set[str]", "TreeMap"),
    ("x: typing.Any", "C.x: Any", "one type"),
    ("x: bytearray", "C.x: bytearray", "bytes"),
    ("x: typing.Literal['a']", "C.x: typing.Literal['a']", "str"),
    ("x: typing.NewType('Id', int)", "C.x: Id", "NewType"),
    ("x: Plain", "C.x: Plain", "@allow_storage"),
    ("x: Slotted", "C.x: Slotted", "slots=True"),
    ("x: Generic", "C.x: Generic", "Generic[~T]"),
    ("x: Generic[int]", "C.x: Generic[int]", "bigint"),
    ("x: Self", "C.x: Self", "contains itself"),
    ("x: Array[u8, 3]", "C.x: Array[u8, 3]", "typing.Literal[n]"),
    ("x: Array[u8]", "C.x: Array[u8]", "typing.Literal[n]"),
    ("x: 'Unknown'", "C", "Unknown"),
    ("x: DynArray[Holder]", "Holder.y: dict", "TreeMap"),
]
CLASSES = """
T = typing.TypeVar('T')
class Plain: y: u8
@allow_storage
@dataclass(slots=True)
class Slotted: y: u8
@allow_storage
class Generic(typing.Generic[T]): y: T
@allow_storage
class Self: y: 'Self'
@allow_storage
class Holder:
    y: dict
"""


@pytest.mark.parametrize(("field", "place", "advice"), LAYOUT_ERRORS)
def test_layout_error(chain, field, place, advice):
    """A type without a layout fails on deployment; field, type, line and a way out are named."""
    source = contract_source(field, "pass", CLASSES)
    chain.write_contract(source)
    ended = chain.deploy()
    assert ended.exit_code == 1
    assert place in ended.stderr
    assert advice in ended.stderr
    if place != "C":
        line = next(number for number, text in enumerate(source.splitlines(), 1) if text.strip() == field)
        assert f"contract.py:{line})" in ended.stderr


WRITE_ERRORS = [
    ("x: u8", "self.x = 256", "OverflowError", "u8 holds int from 0 to 2**8 - 1"),
    ("x: i8", "self.x = 128", "OverflowError", "i8 holds int from -2**7 to 2**7 - 1"),
    ("x: u8", "self.x = -1", "OverflowError", "`C.x`"),
    ("x: u8", "self.x = '1'", "TypeError", "not str '1'"),
    ("x: str", "self.x = 1", "AttributeError", "str()"),
    ("x: Address", "self.x = '0x01'", "AttributeError", "Address(...)"),
    ("x: bytes", "self.x = 'a'", "TypeError", "bytes cannot hold str"),
    ("x: DynArray[u8]", "self.x = 5", "TypeError", "DynArray[u8] takes a list"),
    ("x: DynArray[u8]\ny: DynArray[u16]", "self.x = self.y", "TypeError", "other items than DynArray[u16]"),
    ("x: TreeMap[str, u8]", "self.x = [1]", "AssertionError", "field[key] = value"),
    ("x: TreeMap[str, u8]\ny: TreeMap[str, u16]", "self.x = self.y", "AssertionError", "TreeMap[str, u16]"),
    ("x: P", "self.x = {}", "AssertionError", "P holds an instance of itself, not dict"),
    ("x: P\ny: Q", "self.x = self.y", "AssertionError", "P has another layout than Q"),
    ("x: P", "self.x = EARLY", "AssertionError", "made before the contract class"),
    ("x: Array[u8, typing.Literal[2]]", "self.x = [1]", "AssertionError", "takes 2 items, not 1"),
    ("x: DynArray[u8]", "DynArray().append(1)", "TypeError", "name the type"),
    ("x: TreeMap[str, u8]", "TreeMap()['a'] = 1", "TypeError", "name the type"),
    ("x: DynArray[u8]", "gl.storage.copy_to_memory(self.x)", "AssertionError", "list(...)"),
    ("x: TreeMap[str, u8]", "self.x['absent']", "KeyError", ""),
    ("x: DynArray[u8]", "self.x[0]", "IndexError", "0 items"),
    ("x: datetime.datetime", "self.x = datetime.datetime(1969, 1, 1)", "OverflowError", "1970"),
    (
        "x: TreeMap[Address, u8]",
        "self.x.update({Address(bytes(20)): 1}); self.x['0x']",
        "AssertionError",
        "wrap it",
    ),
]


@pytest.mark.parametrize(("fields", "statement", "error", "advice"), WRITE_ERRORS)
def test_write_error(contract, fields, statement, error, advice):
    """A refused value is an exception of the documented type that says what the field holds."""
    before = POINT + "EARLY = P(1)\n@allow_storage\n@dataclass\nclass Q:\n    x: u16\n"
    ended = contract(contract_source(fields, statement, before)).call("f")
    assert ended.exit_code == 1
    assert error in ended.stderr
    assert advice in ended.stderr
