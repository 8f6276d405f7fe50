"""The schema of a contract: what its constructor and public methods take and give (sdk.md section 4.4)."""

import inspect
import json
import types
import typing

from genlayer.py.schema_types import describe_type

if typing.TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("get_schema",)


def get_schema(contract: type) -> str:
    """Write the schema of a contract class as compact JSON.

    Raises:
        TypeError: a public method has a parameter or type that a call cannot carry; the notes say where.
    """
    methods = {
        name: _describe_method(contract, name, function)
        for name, function in inspect.getmembers(contract, inspect.isfunction)
        if getattr(function, "__gl_public__", False) and not (name.startswith("__") and name.endswith("__"))
    }
    schema = {"ctor": _describe_constructor(contract), "methods": methods}
    return json.dumps(schema, separators=(",", ":"))


def _describe_constructor(contract: type) -> dict[str, typing.Any]:
    construct = contract.__init__  # type: ignore[misc]
    if not isinstance(construct, types.FunctionType):  # the one of `object`
        return {"params": [], "kwparams": {}}
    return _describe_parameters(contract, "__init__", construct)[0]


def _describe_method(
    contract: type, name: str, function: "Callable[..., typing.Any]"
) -> dict[str, typing.Any]:
    described, returned = _describe_parameters(contract, name, function)
    for key, attribute in (
        ("min_gas_leader", "__gl_min_gas_leader__"),
        ("min_gas_validator", "__gl_min_gas_validator__"),
    ):
        if hasattr(function, attribute):
            described[key] = getattr(function, attribute)
    readonly = getattr(function, "__gl_readonly__", False)
    described["readonly"] = readonly
    described["ret"] = returned
    if not readonly:
        described["payable"] = getattr(function, "__gl_payable__", False)
    return described


def _describe_parameters(
    contract: type, name: str, function: "Callable[..., typing.Any]"
) -> tuple[dict[str, typing.Any], typing.Any]:
    """Describe the parameters, and the type of the result."""
    place = f"`{contract.__qualname__}.{name}`"
    try:
        hints = typing.get_type_hints(function)
    except Exception as error:
        error.add_note(f"while reading the annotations of {place}")
        raise
    names = list(inspect.signature(function).parameters.values())
    if not names or names[0].name != "self":
        raise TypeError(f"the first parameter of {place} must be `self`")
    params: list[list[typing.Any]] = []
    kwparams: dict[str, typing.Any] = {}
    for parameter in names[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{place} has `{parameter}`: a schema lists every parameter, so name them")
        described = _describe_hint(hints, parameter.name, place)
        if parameter.kind is parameter.KEYWORD_ONLY:
            escaped = "$" + parameter.name if parameter.name.startswith("$") else parameter.name
            kwparams[escaped] = described
        else:
            params.append([parameter.name, described])
    return {"params": params, "kwparams": kwparams}, _describe_hint(hints, "return", place)


def _describe_hint(hints: dict[str, typing.Any], name: str, place: str) -> typing.Any:
    if name not in hints:
        return "any"
    try:
        return describe_type(hints[name])
    except Exception as error:
        error.add_note(f"in {'the result' if name == 'return' else f'the parameter `{name}`'} of {place}")
        raise
