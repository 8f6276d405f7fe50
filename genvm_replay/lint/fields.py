"""Fields: types that storage has no layout for, and attributes that are no fields (spec/sdk.md sections 1.6, 2.2)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from .finding import Finding
from .module import ClassInfo, ContractFile, dotted, is_self

OPTIONAL: Final = "a field always has a value: keep a zero value, or a bool field for `no value`"
INSTEAD: Final = {
    "int": "use u256, another sized integer, or bigint",
    "list": "use DynArray[...]",
    "dict": "use TreeMap[..., ...]",
    "set": "use TreeMap[..., bool]",
    "frozenset": "use TreeMap[..., bool]",
    "tuple": "use a dataclass with @allow_storage, or Array",
    "bytearray": "use bytes",
    "object": "name the type",
    "Any": "name the type, or store json.dumps(value) in a str",
    "Optional": OPTIONAL,
    "Union": OPTIONAL,
    "Literal": "name the type of the values, str or u8 for instance",
    "List": "use DynArray[...]",
    "Dict": "use TreeMap[..., ...]",
}
BARE: Final = {
    "DynArray": "name its item type: DynArray[str]",
    "TreeMap": "name key and value: TreeMap[str, u256]",
}
PROPERTIES: Final = ("property", "cached_property", "functools.cached_property")


def check_fields(file: ContractFile) -> list[Finding]:
    """Look at what classes declare and what their methods assign."""
    found: list[Finding] = []
    for info in file.classes:
        if info.is_contract or info.is_record:
            found += (finding for field in info.fields() for finding in _check_type(info, field))
        if info.is_contract and info.is_closed:
            found += _check_assignments(info)
    return found


def _check_type(info: ClassInfo, field: ast.AnnAssign) -> Iterator[Finding]:
    assert isinstance(field.target, ast.Name)
    for part in _parts(_evaluated(field.annotation)):
        if isinstance(part, ast.BinOp):
            name, fix = ast.unparse(part), OPTIONAL
        else:
            name = dotted(part)
            short = name.rpartition(".")[2]
            is_bare = isinstance(part, ast.Name) and short in BARE
            fix = BARE[short] if is_bare else INSTEAD.get(short, "")
        if fix:
            what = f"the field `{info.node.name}.{field.target.id}` has the type {name}, which storage can't hold"
            yield Finding.at(field, "field-type", what, fix)


def _evaluated(annotation: ast.expr) -> ast.expr:
    """An annotation in quotes as the expression in them."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return annotation
    return annotation


def _parts(annotation: ast.expr) -> Iterator[ast.expr]:
    """The types that an annotation is made of; none inside ClassVar, Literal, or what is refused as a whole."""
    name = dotted(annotation).rpartition(".")[2]
    if name == "ClassVar":
        return
    yield annotation
    if isinstance(annotation, ast.Subscript) and name in (
        "DynArray",
        "TreeMap",
        "Indirection",
        "VLA",
        "Array",
    ):
        inner = annotation.slice
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        for item in items[:1] if name == "Array" else items:
            yield from _parts(item)


def _check_assignments(info: ClassInfo) -> Iterator[Finding]:
    declared = {field.target.id for field in info.fields() if isinstance(field.target, ast.Name)}
    for cls in info.bases:
        for item in cls.body:
            if isinstance(item, ast.FunctionDef):
                declared |= (
                    {item.name} if any(dotted(d) in PROPERTIES for d in item.decorator_list) else set()
                )
            if isinstance(item, ast.Assign):
                declared |= {target.id for target in item.targets if isinstance(target, ast.Name)}
    for method in info.methods():
        for node in ast.walk(method):
            is_target = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            if is_target and is_self(node.value) and node.attr not in declared:  # type: ignore[attr-defined]
                name = node.attr  # type: ignore[attr-defined]
                what = (
                    f"`self.{name}` is no field of `{info.node.name}`: its value is lost when the call ends"
                )
                fix = f"declare it in the class, `{name}: <type>`, or use a local variable"
                yield Finding.at(node, "undeclared", what, fix)
