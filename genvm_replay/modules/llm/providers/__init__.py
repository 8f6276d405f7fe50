"""The services that models are reached by, one file each: `build_request` and `read_response`, both pure.

`call` carries a request over HTTP. `scripted` has no service: it answers from a file.
"""

from __future__ import annotations

from typing import Final

from . import anthropic, google, ollama, openai
from .wire import Shape

SHAPES: Final[dict[str, Shape]] = {
    "openai-compatible": Shape(openai.build_request, openai.read_response),
    "anthropic": Shape(anthropic.build_request, anthropic.read_response),
    "google": Shape(google.build_request, google.read_response),
    "ollama": Shape(ollama.build_request, ollama.read_response),
}
SCRIPTED: Final = "scripted"
PROVIDERS: Final = (*SHAPES, SCRIPTED)
