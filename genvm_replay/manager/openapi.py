"""The API document (OpenAPI 3.1), made from the operations: what is served is what is described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any, Final

import msgspec

from .. import __version__
from .operation import BINARY, JSON, Operation
from .refusals import REASONS, plain_status

REFERENCE: Final = "#/components/schemas/{name}"
PLACES: Final = {"path": "path", "query": "query", "headers": "header"}
ANY_REFUSES: Final = (400, 405, 413, 421, 500)
TOKEN_REFUSES: Final = (401,)
ABOUT: Final = """Runs transactions, modules and replays.

An error is told as `{"error": text}`: 4xx is what the caller can mend, 5xx what went wrong here."""


class Error(msgspec.Struct):
    """Why a request was refused."""

    error: str


def make_document(
    operations: Sequence[Operation], *, asks_token: bool, plain: bool = False
) -> dict[str, Any]:
    """The whole document."""
    kinds = [Error, *_kinds(operations)]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    references = dict(zip(map(id, kinds), schemas, strict=True))
    writer = _Writer(references, components, asks_token=asks_token, plain=plain)
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = writer.operation(one)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "genvm-replay manager", "version": __version__, "description": ABOUT},
        "paths": paths,
        "components": {"schemas": components},
    }
    if asks_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return document


def _kinds(operations: Iterable[Operation]) -> list[Any]:
    found = []
    for one in operations:
        found += [kind for name, kind in one.parts.items() if name in PLACES]
        found += [kind for kind in (one.parts.get("body"), one.result) if _is_json(kind)]
        found += [kind for kind in (*one.takes.values(), *one.gives.values()) if _is_structure(kind)]
    return list({id(kind): kind for kind in found}.values())


def _is_json(kind: Any) -> bool:
    return kind is not None and kind is not bytes and (not isinstance(kind, type) or _is_structure(kind))


def _is_structure(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


class _Writer:
    def __init__(
        self, references: Mapping[int, Any], components: Mapping[str, Any], *, asks_token: bool, plain: bool
    ) -> None:
        self._references = references
        self._components = components
        self._asks_token = asks_token
        self._plain = plain

    def operation(self, one: Operation) -> dict[str, Any]:
        summary, _, rest = cleandoc(one.handler.__doc__ or "").partition("\n")
        told: dict[str, Any] = {"operationId": one.name, "summary": summary, "description": rest.strip()}
        told["parameters"] = [
            parameter
            for name, place in PLACES.items()
            if name in one.parts
            for parameter in self._parameters(place, one.parts[name])
        ]
        body = self._body(one)
        if body:
            told["requestBody"] = {"required": True, "content": body}
        told["responses"] = {"200": self._good(one)} | self._refusals(one)
        if self._asks_token and one.name != "health":
            told["security"] = [{"token": []}]
        return {name: value for name, value in told.items() if value}

    def _parameters(self, place: str, kind: Any) -> Iterable[dict[str, Any]]:
        shape = self._components[kind.__name__]
        for name, schema in shape["properties"].items():
            plain = {key: value for key, value in schema.items() if key != "description"}
            told = {
                "name": name,
                "in": place,
                "required": place == "path" or name in shape.get("required", ()),
                "schema": plain,
            }
            yield told | ({"description": schema["description"]} if "description" in schema else {})

    def _body(self, one: Operation) -> dict[str, Any]:
        if one.takes:
            return {media: {"schema": self._schema(kind)} for media, kind in one.takes.items()}
        kind = one.parts.get("body")
        if kind is None:
            return {}
        if kind is bytes:
            return {BINARY: {"schema": {"type": "string", "format": "binary"}}}
        example = {} if one.example is None else {"example": one.example}
        return {JSON: {"schema": self._references[id(kind)], **example}}

    def _schema(self, kind: Any) -> Any:
        return self._references[id(kind)] if _is_structure(kind) else dict(kind)

    def _good(self, one: Operation) -> dict[str, Any]:
        content = {media: {"schema": self._schema(kind)} for media, kind in one.gives.items()}
        if not content:
            content = {JSON: {"schema": self._references[id(one.result)]}}
        return {"description": "Done.", "content": content}

    def _refusals(self, one: Operation) -> dict[str, Any]:
        statuses = {*ANY_REFUSES, *one.refuses, *(TOKEN_REFUSES if self._asks_token else ())}
        statuses |= {404} if "path" in one.parts else set()
        statuses = {plain_status(status) for status in statuses} if self._plain else statuses
        content = {JSON: {"schema": self._references[id(Error)]}}
        return {
            str(status): {"description": REASONS[status], "content": content} for status in sorted(statuses)
        }
