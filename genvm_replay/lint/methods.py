"""Public methods: what the schema and calldata need of them (spec/sdk.md sections 3.2, 4.4)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .finding import Finding
from .module import ContractFile, Function, dotted, public_decorator

SCALE = "use int in a smaller unit (10**18 for 1), or str"


def check_methods(file: ContractFile) -> list[Finding]:
    """Look at every public method."""
    found: list[Finding] = []
    for info in file.contracts:
        for method in info.methods():
            if method.name == "__init__" and public_decorator(method):
                what = "the constructor is public: deployment fails"
                found.append(Finding.at(method, "annotation", what, "remove the decorator"))
            elif public_decorator(method) and not method.name.startswith("__"):
                found += _check_annotations(method)
                found += _check_kinds(method)
            if public_decorator(method) or method.name == "__init__":
                found += _check_floats(method)
    return found


def _parameters(method: Function) -> list[ast.arg]:
    arguments = method.args
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs][1:]


def _check_annotations(method: Function) -> Iterator[Finding]:
    missing = [f"`{parameter.arg}`" for parameter in _parameters(method) if parameter.annotation is None]
    if method.returns is None and _gives_a_value(method):
        missing.append("the result")
    if missing:
        what = f"`{method.name}` has no type for {', '.join(missing)}: callers see `any`"
        yield Finding.at(method, "annotation", what, "annotate it, `-> None` where nothing is returned")


def _gives_a_value(method: Function) -> bool:
    return any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(method))


def _check_kinds(method: Function) -> Iterator[Finding]:
    for extra in (method.args.vararg, method.args.kwarg):
        if extra is not None:
            what = f"`{method.name}` takes *{extra.arg}: a schema lists every parameter, so it can't be made"
            yield Finding.at(extra, "annotation", what, "name the parameters, or take a list or a dict")


def _check_floats(method: Function) -> Iterator[Finding]:
    if method.returns is not None and dotted(method.returns) == "float":
        yield Finding.at(
            method.returns, "float", f"`{method.name}` returns a float, which no call can carry", SCALE
        )
    for parameter in _parameters(method):
        if parameter.annotation is not None and dotted(parameter.annotation) == "float":
            what = f"`{method.name}` takes a float as `{parameter.arg}`, which no call can carry"
            yield Finding.at(parameter, "float", what, SCALE)
