"""`lint`: each mistake is found at its line, and contracts without mistakes give no findings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.lint.finding import CHECKS
from genvm_replay.lint.source import lint

CORPUS = Path(__file__).parents[1] / "guest" / "corpus"
HEAD = '# { "Depends": "py-genlayer:test" }\nfrom genlayer import *\nimport typing\n'
RECORD = HEAD + "@allow_storage\nclass R:\n    {}\nclass C(gl.Contract):\n    r: R\n"
FIELD = HEAD + "class C(gl.Contract):\n    {}\n"
METHOD = HEAD + "class C(gl.Contract):\n    x: u32\n    names: DynArray[str]\n    @gl.public.write\n    {}\n"
BODY = METHOD.replace("{}", "def m(self) -> None:\n        {}")


def method(text: str) -> str:
    return METHOD.replace("{}", text)


def field(text: str) -> str:
    return FIELD.replace("{}", text)


def record(text: str) -> str:
    return RECORD.replace("{}", text)


def body(*lines: str) -> str:
    return BODY.replace("{}", "\n        ".join(lines))


FOUND = [
    ("class C(gl.Contract): ...\n", 1, "header", "Depends"),
    ('# v1\n# { "Depends": "py-genlayer:test" }\nclass C(gl.Contract): ...\n', 1, "header", "v0.1.0"),
    ('# { "Depends": "py-genlayer:nothing" }\nclass C(gl.Contract): ...\n', 1, "header", "Depends"),
    ('# { "Depends" }\nclass C(gl.Contract): ...\n', 1, "header", "Depends"),
    (HEAD + "class C(gl.Contract:\n", 4, "syntax", "correct"),
    (HEAD + "x = 1\n", 1, "contract", "derive"),
    (HEAD + "class A(gl.Contract): ...\nclass B(gl.Contract): ...\n", 5, "contract", "one contract"),
    (field("x: int"), 5, "field-type", "u256"),
    (field("x: list[str]"), 5, "field-type", "DynArray"),
    (field("x: 'dict'"), 5, "field-type", "TreeMap"),
    (field("x: dict[str, int]"), 5, "field-type", "TreeMap"),
    (field("x: u32 | None"), 5, "field-type", "zero value"),
    (field("x: typing.Optional[str]"), 5, "field-type", "zero value"),
    (field("x: typing.Any"), 5, "field-type", "json.dumps"),
    (field("x: DynArray"), 5, "field-type", "DynArray[str]"),
    (field("x: TreeMap[str, DynArray[dict]]"), 5, "field-type", "TreeMap"),
    (field("x: TreeMap[int, str]"), 5, "field-type", "u256"),
    (record("x: tuple[int, int]"), 6, "field-type", "dataclass"),
    (body("self.y = 1"), 9, "undeclared", "y: <type>"),
    (body("self.y += 1"), 9, "undeclared", "y: <type>"),
    (body("for self.y in range(3): pass"), 9, "undeclared", "y: <type>"),
    (method("def m(self, a): pass"), 8, "annotation", "annotate"),
    (method("def m(self): return 1"), 8, "annotation", "annotate"),
    (method("def m(self, *a: int) -> None: pass"), 8, "annotation", "name the parameters"),
    (method("def __init__(self): pass"), 8, "annotation", "decorator"),
    (method("def m(self) -> float: return 0.5"), 8, "float", "smaller unit"),
    (method("def m(self, a: float) -> None: pass"), 8, "float", "smaller unit"),
    (body("gl.eq_principle.strict_eq(lambda: self.x)"), 9, "storage-in-block", "value = self.x"),
    (
        body("def f():", "    return len(self.names)", "gl.vm.run_nondet_unsafe(f, lambda r: True)"),
        10,
        "storage-in-block",
        "list(self.names)",
    ),
    (
        body("def g(): return self.x", "def f(): return g()", "gl.vm.run_nondet.lazy(f, f)"),
        9,
        "storage-in-block",
        "self.x",
    ),
    (body("def f():", "    self.x = 3", "gl.eq_principle.strict_eq(f)"), 10, "storage-in-block", "after"),
    (body("gl.nondet.exec_prompt('hi')"), 9, "outside-block", "strict_eq"),
    (body("if True:", "    x = gl.nondet.web.get('u').body"), 10, "outside-block", "strict_eq"),
    (body("print(gl.block.timestamp)"), 9, "name", "datetime"),
    (body("gl.transfer(Address(bytes(20)), 1)"), 9, "name", "emit_transfer"),
    (body("gl.message.sender"), 9, "name", "sender_address"),
]


@pytest.mark.parametrize(("source", "line", "check", "fix"), FOUND)
def test_found(source: str, line: int, check: str, fix: str) -> None:
    """A mistake is the only finding, at its line, with what to do."""
    [finding] = lint(source.encode())
    assert (finding.line, finding.check) == (line, check)
    assert fix in finding.fix
    assert finding.what


def test_every_check_is_tried() -> None:
    """No check without an example above."""
    assert {check for _, _, check, _ in FOUND} == set(CHECKS)


FINE = [
    body("x = self.x", "gl.eq_principle.strict_eq(lambda: x + 1)"),
    body("def f(): return gl.nondet.web.get('u').status", "gl.eq_principle.strict_eq(f)"),
    body("self.x = u32(1)", "self.names.append('a')", "self.names[0] = 'b'"),
    body("gl.vm.spawn_sandbox(lambda: self.x)"),
    field("x: typing.ClassVar[int] = 3\n    y: Array[u8, typing.Literal[4]]\n    z: 'DynArray[u8]'"),
    HEAD
    + "class Base:\n    y: u8\nclass C(Base, gl.Contract):\n    def __init__(self):\n        self.y = 1\n",
    HEAD + "from lib import Base\nclass C(Base, gl.Contract):\n    def __init__(self):\n        self.y = 1\n",
    HEAD + "from .parts import Main\n",
    method("def __receive__(self): pass"),
]


@pytest.mark.parametrize("source", FINE)
def test_fine(source: str) -> None:
    """What is right, or can't be known, is not reported; runners of the header apart."""
    assert [finding for finding in lint(source.encode()) if finding.check != "header"] == []


EXPECTED = {"arguments": {"annotation"}, "no_constructor": {"annotation"}, "undeclared": {"undeclared"}}
EXPECTED["return_types"] = {"annotation", "undeclared"}


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.py")), ids=lambda path: path.stem)
def test_corpus(path: Path) -> None:
    """Working contracts give no findings but those meant."""
    found = {finding.check for finding in lint(path.read_bytes())}
    if found == {"syntax"} and sys.version_info < (3, 12):
        assert path.stem in ("language", "memory_records")  # in the syntax of a newer Python
    else:
        assert found == EXPECTED.get(path.stem, set())


@pytest.mark.parametrize("code", [b"PK\x03\x04rest", b"\0asm\1\0\0\0"])
def test_other_forms_are_refused(code: bytes) -> None:
    """An archive or a module is no source."""
    with pytest.raises(UsageError, match="source"):
        lint(code)


@pytest.mark.parametrize(
    "code", [b"", b"\xff\xfe", b"#" * 1000, b"(" * 5000, b"# {}\nx = '\0'", b"-" * 100_000 + b"1"]
)
def test_garbage(code: bytes) -> None:
    """Anything gives findings, never an exception."""
    assert lint(code)
