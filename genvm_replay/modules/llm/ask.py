"""What a script asks of a provider, and what the provider said (spec/manager-modules.md 5.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import ModuleError
from .answers import FORMATS, Format
from .costs import IMAGE_TOKENS, Usage
from .images import Image, read_images

MAX_TOKENS: Final = 1000
TOKENS_MAX: Final = 1 << 20
TEMPERATURE: Final = 0.7
SAFE: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt to one model.

    Attributes:
        temperature: None: not said, for models that refuse it.
        use_max_completion_tokens: name the limit `max_completion_tokens`, as newer OpenAI models want it.
    """

    model: str
    user_message: str
    response_format: Format = "text"
    system_message: str | None = None
    temperature: float | None = TEMPERATURE
    images: tuple[Image, ...] = ()
    max_tokens: int = MAX_TOKENS
    use_max_completion_tokens: bool = False
    seed: int | None = None

    def usage_at_most(self) -> Usage:
        """The most tokens it can take: a token of text has at least a byte."""
        text = len(self.user_message.encode()) + len((self.system_message or "").encode())
        return Usage(text + IMAGE_TOKENS * len(self.images), self.max_tokens)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider said.

    Attributes:
        content: text, or a map where the provider gives one. None where a limit on length left nothing.
        truncated: the limit on length ended it.
        raw: the whole body, as it came.
    """

    content: str | Mapping[str, Any] | None
    usage: Usage = field(default_factory=Usage)
    truncated: bool = False
    raw: bytes = field(default=b"", repr=False)


def read_ask(model: str, prompt: Any, response_format: Any) -> Ask:
    """Read a prompt as scripts write it; a bad one is the script's fault and ends the run.

    Raises:
        ModuleError: `BAD_ARGUMENT`, or what `read_images` says of the images.
    """
    if not isinstance(prompt, Mapping):
        raise bad_argument("prompt", "a table is wanted")
    if response_format not in FORMATS:
        raise bad_argument("format", f"one of {', '.join(FORMATS)} is wanted")
    images = prompt.get("images") or []
    if not isinstance(images, list) or not all(isinstance(image, (bytes, str)) for image in images):
        raise bad_argument("prompt.images", "a list of strings is wanted")
    return Ask(
        model=model,
        user_message=_text(prompt, "user_message") or "",
        response_format=response_format,
        system_message=_text(prompt, "system_message"),
        temperature=_number(prompt, "temperature", TEMPERATURE, 0, 100),
        images=read_images([image.encode() if isinstance(image, str) else image for image in images]),
        max_tokens=int(_number(prompt, "max_tokens", MAX_TOKENS, 1, TOKENS_MAX)),
        use_max_completion_tokens=prompt.get("use_max_completion_tokens") is True,
        seed=None if prompt.get("seed") is None else int(_number(prompt, "seed", 0, -SAFE, SAFE)),
    )


def bad_argument(name: str, text: str) -> ModuleError:
    """The error of a script's argument."""
    return ModuleError("BAD_ARGUMENT", fatal=True, ctx={"argument": name, "reason": text})


def _text(prompt: Mapping[str, Any], key: str) -> str | None:
    value = prompt.get(key)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is not None and not isinstance(value, str):
        raise bad_argument(f"prompt.{key}", "a string is wanted")
    return value


def _number(prompt: Mapping[str, Any], key: str, default: float, least: float, most: float) -> float:
    value = prompt.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise bad_argument(f"prompt.{key}", "a number is wanted")
    if not least <= value <= most:
        raise bad_argument(f"prompt.{key}", f"{value} is not in {least} ... {most}")
    return value
