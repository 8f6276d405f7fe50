"""What authors declare wrongly: schema, events, results (sdk.md sections 1.5, 1.8, 1.10, 4.4)."""

import json

import pytest

SCHEMA_TYPES = [
    ("typing.Any", "any"),
    ("None", "null"),
    ("u256", "int"),
    ("tuple[int, str]", ["int", "string"]),
    ("tuple[int, ...]", [{"$rep": "int"}]),
    ("tuple", "array"),
    ("memoryview", "array"),
    ("list[list[bool]]", [{"$rep": [{"$rep": "bool"}]}]),
    ("dict", "dict"),
    ("TreeMap[str, u8]", {"$dict": "int"}),
    ("'int | None'", {"$or": ["int", "null"]}),
    ("TD", "dict"),
    ("D", {"a": "address"}),
]
DECLARED = "import typing\nfrom dataclasses import dataclass\nclass TD(typing.TypedDict): a: int\n"
DECLARED += "@dataclass\nclass D: a: Address\n"


def with_parameter(declaration):
    return (
        f"from genlayer import *\nimport datetime\n{DECLARED}class C(gl.Contract):\n"
        f"    @gl.public.view\n    def f(self, {declaration}): ...\n"
        "    @gl.public.write.payable\n    def __receive__(self): ...\n"
        "    @gl.public.write\n    def __on_errored_message__(self): ...\n"
        "    def hidden(self, x: float): ...\n"
    )


@pytest.mark.parametrize(("hint", "described"), SCHEMA_TYPES)
def test_schema_type(contract, hint, described):
    """A type is described; special and private methods are not listed."""
    schema = json.loads(contract(with_parameter(f"x: {hint}")).call("#get-schema").returned)
    assert schema == {
        "ctor": {"params": [], "kwparams": {}},
        "methods": {"f": {"params": [["x", described]], "kwparams": {}, "readonly": True, "ret": "any"}},
    }


UNSUPPORTED = ["float", "set[int]", "datetime.datetime", "dict[int, str]", "list[object]", "'Nope'"]


@pytest.mark.parametrize("declaration", ["*x", "**x", *(f"x: {hint}" for hint in UNSUPPORTED)])
def test_schema_error(contract, declaration):
    """A parameter that no call can carry fails and is named."""
    ended = contract(with_parameter(declaration)).call("#get-schema")
    assert ended.exit_code == 1
    assert "`C.f`" in ended.stderr


@pytest.mark.parametrize(
    ("constructor", "error"),
    [
        ("", "AssertionError"),
        ("def __init__(self, a): ...", "TypeError"),
        ("def __init__(self, *a): ...", "TypeError"),
        ("def __init__(self, *, a): ...", "TypeError"),
        ("def __init__(this, a, /): ...", "TypeError"),
        ("def __init__(): ...", "TypeError"),
    ],
)
def test_event_declaration(chain, constructor, error):
    """A constructor of another form is refused when the class is made."""
    chain.write_contract(f"from genlayer import *\nclass E(gl.Event):\n    {constructor or 'pass'}\n")
    ended = chain.deploy()
    assert ended.exit_code == 1
    assert f"{error}: event `E`" in ended.stderr


EVENT = """
from genlayer import *
class E(gl.Event):
    name = 'Renamed'
    def __init__(self, to, from_, /, **blob): ...
class C(gl.Contract):
    @gl.public.write
    def f(self, args: list, kwargs: dict):
        E(*args, **kwargs).emit()
        gl.advanced.emit_raw_event([bytes(32)], {'x': 1})
"""


def test_event(contract):
    """Values meet the sorted names; a long one is hashed."""
    ended = contract(EVENT).call("f", ["t" * 32, 1], {"more": None})
    first, raw, _ = ended.requests
    assert first["EmitEvent"]["blob"] == {"from_": "t" * 32, "to": 1, "more": None}
    assert first["EmitEvent"]["topics"][2].hex() == "09" + "00" * 31
    assert len(first["EmitEvent"]["topics"][1]) == 32
    assert raw == {"EmitEvent": {"topics": [bytes(32)], "blob": {"x": 1}}}


@pytest.mark.parametrize(("args", "kwargs"), [([1], {}), ([1, 2, 3], {}), ([1, 2], {"to": 3})])
def test_event_arguments(contract, args, kwargs):
    """A wrong count or a name given twice is a TypeError with the signature."""
    assert "TypeError: event Renamed(from_,to) takes" in contract(EVENT).call("f", args, kwargs).stderr


def test_results(contract):
    """The result classes and how they are unpacked."""
    ended = contract(
        "from genlayer import *\nimport pickle\nclass C(gl.Contract):\n    @gl.public.view\n    def f(self):\n"
        "        vm = gl.vm\n        out = [vm.unpack_result(vm.Return(5)), str(vm.UserError('a'))]\n"
        "        for r in (vm.UserError('b'), vm.VMError('c')):\n"
        "            try: vm.unpack_result(r)\n"
        "            except vm.UserError as e: out.append(e.message)\n"
        "        out.append([vm.decode_result(d) for d in (b'\\0\\x09', b'\\1t', b'\\2e')]\n"
        "            == [vm.Return(1), vm.UserError('t'), vm.VMError('e')])\n"
        "        out.append(pickle.loads(pickle.dumps(vm.UserError('p'))) == vm.UserError('p'))\n"
        "        try: hash(vm.UserError('a'))\n"
        "        except TypeError: out.append('unhashable')\n"
        "        return out\n"
    ).call("f")
    assert ended.returned == [5, "UserError(message='a')", "b", "vm error: c", True, True, "unhashable"]


def test_decorators(contract):
    """Decorators set attributes and give the same function back."""
    ended = contract(
        "from genlayer import *\ndef g(self): ...\nassert gl.private(g) is g and not vars(g)\n"
        "assert gl.public.view(g) is g\nfound = [dict(vars(g))]\n"
        "gl.public.write.min_gas(leader=1, validator=2).payable(g)\nfound.append(dict(vars(g)))\n"
        "class C(gl.Contract):\n    @gl.public.view\n    def f(self): return found\n"
    ).call("f")
    public = {"__gl_public__": True}
    gas = {"__gl_min_gas_leader__": 1, "__gl_min_gas_validator__": 2}
    assert ended.returned == [
        public | {"__gl_readonly__": True},
        public | gas | {"__gl_readonly__": False, "__gl_payable__": True},
    ]
