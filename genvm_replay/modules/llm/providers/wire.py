"""A request to a provider and its answer, before and after the network."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...errors import ModuleError
from ..ask import Ask, Reply
from ..images import Image

COUNT_MAX: Final = 10**12
"""Tokens of one answer. No service counts more; what claims it must not use up a budget for ever."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A POST of JSON. The key stands in a header, never in the path.

    Attributes:
        path: behind the host, quoted.
    """

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of service is spoken to.

    Attributes:
        build_request: from what is asked and the key.
        read_response: from what was asked and the JSON of a good answer. Raises ModuleError `DESERIALIZING`.
    """

    build_request: Callable[[Ask, str], WireRequest]
    read_response: Callable[[Ask, Any], Reply]


def find(document: Any, path: str) -> Any:
    """The value at a path such as `/choices/0/message` (RFC 6901, plain names); None where there is none."""
    for name in path.split("/")[1:]:
        if isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        elif isinstance(document, dict):
            document = document.get(name)
        else:
            return None
    return document


def count(document: Any, *paths: str) -> int:
    """The sum of the token counts at some paths; what is not there, or is no count, is 0."""
    found = (find(document, path) for path in paths)
    return sum(value for value in found if type(value) is int and 0 < value <= COUNT_MAX)


def content(value: Any, path: str, *, truncated: bool) -> Any:
    """The answer's text or map; None where a limit on length left none.

    Raises:
        ModuleError: `DESERIALIZING`: the body has no answer at this path.
    """
    if isinstance(value, (str, dict)):
        return value
    if truncated:
        return None
    raise ModuleError(
        "DESERIALIZING", fatal=True, ctx={"path": path, "reason": "the provider's body has no answer here"}
    )


def given(**settings: Any) -> dict[str, Any]:
    """The settings that are not None."""
    return {name: value for name, value in settings.items() if value is not None}


def data_uri(image: Image) -> str:
    """An image as a `data:` URI (RFC 2397)."""
    return f"data:{image.media_type};base64,{encoded(image)}"


def encoded(image: Image) -> str:
    """The bytes of an image in Base64."""
    return base64.b64encode(image.data).decode()
