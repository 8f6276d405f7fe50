"""Nondeterministic blocks: storage is copied before one, and gl.nondet works only in one (spec/sdk.md section 6)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from .finding import Finding
from .module import ClassInfo, ContractFile, Function, dotted, is_self, public_decorator

BLOCKS: Final = (
    "vm.run_nondet",
    "vm.run_nondet_unsafe",
    "advanced.run_nondet",
    "eq_principle.strict_eq",
    "eq_principle.prompt_comparative",
    "eq_principle.prompt_non_comparative",
    "eq_principle_strict_eq",
    "eq_principle_prompt_comparative",
    "eq_principle_prompt_non_comparative",
)
"""What runs its functions in a block, without `gl.` and `.lazy`."""
NONDET: Final = ("nondet.", "get_webpage", "exec_prompt")
COPY: Final = (
    "copy it to a local variable before the block: `value = self.{name}` (a container: `list(self.{name})`)"
)
MOVE: Final = "put it into a function and give that to gl.eq_principle.strict_eq or gl.vm.run_nondet_unsafe"

_Block = ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef


def check_blocks(file: ContractFile) -> list[Finding]:
    """Look at the methods of contracts."""
    found: list[Finding] = []
    for info in file.contracts:
        fields = {field.target.id for field in info.fields() if isinstance(field.target, ast.Name)}
        for method in info.methods():
            functions = _block_functions(method)
            for function in functions:
                found += _check_storage(function, fields)
            if public_decorator(method) or method.name == "__init__":
                found += _check_outside(info, method)
    return found


def _sdk_name(node: ast.AST) -> str:
    return dotted(node).removeprefix("genlayer.").removeprefix("gl.").removesuffix(".lazy")


def _block_functions(method: Function) -> list[_Block]:
    """The functions of a method that blocks run: those given to one, and those that they use."""
    by_name: dict[str, _Block] = {}
    for node in ast.walk(method):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not method:
            by_name[node.name] = node
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            by_name |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    found: list[_Block] = []
    todo: list[ast.expr] = []
    for node in ast.walk(method):
        if isinstance(node, ast.Call) and _sdk_name(node.func) in BLOCKS:
            todo += [*node.args, *(keyword.value for keyword in node.keywords)]
    while todo:
        given = todo.pop()
        function = by_name.get(given.id) if isinstance(given, ast.Name) else given
        if isinstance(function, _Block) and function not in found:
            found.append(function)
            todo += [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id in by_name]
    return found


def _check_storage(function: _Block, fields: set[str]) -> Iterator[Finding]:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and is_self(node.value) and node.attr in fields:
            name = node.attr
            if isinstance(node.ctx, ast.Store):
                what = (
                    f"`self.{name}` is written inside a nondeterministic block, which may not write storage"
                )
                yield Finding.at(
                    node, "storage-in-block", what, "return the value from the block and assign it after"
                )
            else:
                what = f"`self.{name}` is read inside a nondeterministic block: it takes the whole contract along"
                yield Finding.at(node, "storage-in-block", what, COPY.format(name=name))


def _check_outside(info: ClassInfo, method: Function) -> Iterator[Finding]:
    """Calls in the method's own body; what is in inner functions may reach a block by ways not seen here."""
    for node in _own_nodes(method):
        if isinstance(node, ast.Call) and _sdk_name(node.func).startswith(NONDET):
            what = (
                f"`{dotted(node.func)}` is called in `{info.node.name}.{method.name}` itself: it fails there"
            )
            yield Finding.at(node, "outside-block", what, MOVE)


def _own_nodes(method: Function) -> Iterator[ast.AST]:
    todo: list[ast.AST] = list(method.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _Block | ast.ClassDef):
            todo += ast.iter_child_nodes(node)
