"""A contract file as the checks see it: its classes, which of them are contracts, and their fields."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

CONTRACT_BASES: Final = ("gl.Contract", "Contract", "genlayer.gl.Contract")
NEUTRAL_BASES: Final = (
    "object",
    "Generic",
    "typing.Generic",
    "ABC",
    "abc.ABC",
    "Protocol",
    "typing.Protocol",
)
STORAGE_MARK: Final = "allow_storage"


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """A class of the file.

    Attributes:
        bases: the classes of this file that it derives from, itself first.
        is_closed: all of its bases are known, so what they do not declare is not declared.
    """

    node: ast.ClassDef
    bases: tuple[ast.ClassDef, ...]
    is_closed: bool
    is_contract: bool
    is_record: bool

    def fields(self) -> Iterator[ast.AnnAssign]:
        """The annotated names of the class and its bases."""
        for cls in self.bases:
            for item in cls.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    yield item

    def methods(self) -> Iterator[Function]:
        """The functions of the class itself."""
        for item in self.node.body:
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                yield item


@dataclass(frozen=True, slots=True)
class ContractFile:
    """A parsed file."""

    tree: ast.Module
    classes: tuple[ClassInfo, ...]
    is_complete: bool  # no contract can come from another module

    @classmethod
    def read(cls, tree: ast.Module) -> ContractFile:
        """Collect what the checks ask for."""
        nodes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
        return cls(tree, tuple(_describe(node, nodes) for node in nodes.values()), not imports)

    @property
    def contracts(self) -> list[ClassInfo]:
        """The classes that are contracts."""
        return [info for info in self.classes if info.is_contract]


def _describe(node: ast.ClassDef, nodes: Mapping[str, ast.ClassDef]) -> ClassInfo:
    chain: list[ast.ClassDef] = []
    names: list[str] = []
    todo = [node]
    while todo:
        cls = todo.pop(0)
        if cls in chain:
            continue
        chain.append(cls)
        for base in cls.bases:
            name = dotted(base)
            if name in nodes and nodes[name] is not cls:
                todo.append(nodes[name])
            else:
                names.append(name)
    decorators = {dotted(item) for cls in chain for item in cls.decorator_list}
    is_contract = any(name in CONTRACT_BASES for name in names) or "gl.contract" in decorators
    return ClassInfo(
        node=node,
        bases=tuple(chain),
        is_closed=all(name in CONTRACT_BASES + NEUTRAL_BASES for name in names),
        is_contract=is_contract,
        is_record=any(name.rpartition(".")[2] == STORAGE_MARK for name in decorators),
    )


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute, looking through calls and subscripts; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    return ""


def is_self(node: ast.AST) -> bool:
    """Whether it is the name `self`."""
    return isinstance(node, ast.Name) and node.id == "self"


def public_decorator(method: Function) -> str:
    """`gl.public.view` and the like, without `gl.`; "" for a method that is not public."""
    for decorator in method.decorator_list:
        name = dotted(decorator).removeprefix("gl.")
        if name.startswith("public."):
            return name
    return ""
