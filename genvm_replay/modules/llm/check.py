"""Whether models answer: `POST /llm/check` (spec/manager-modules.md 6.3).

Each configuration is asked each test prompt.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ...errors import UsageError
from ..config import Section, expand
from ..errors import ModuleError
from .answers import to_data
from .ask import Ask, read_ask
from .config import KEYLESS, take_host
from .providers import SHAPES
from .redaction import Redactor

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_SECONDS: Final = 60.0
PAIRS_MAX: Final = 1000
PROMPT_KEYS: Final = (
    "system_message", "user_message", "temperature", "images", "max_tokens", "use_max_completion_tokens", "seed",
)  # fmt: skip


async def check(
    configs: Sequence[Any],
    test_prompts: Sequence[Any],
    environment: Mapping[str, str],
    *,
    timeout_s: float = TIMEOUT_SECONDS,
) -> list[dict[str, Any]]:
    """Ask each configuration each prompt, one after the other, for text.

    Args:
        configs: maps of `host`, `provider`, `model`, `key`; values may hold variables such as `${ENV[KEY]}`.
        test_prompts: maps of PROMPT_KEYS; images are Base64, and without a temperature none is sent.

    Returns:
        For each pair `config_index`, `prompt_index`, `available`, and `error` or `response`, whichever is not None.

    Raises:
        UsageError: a malformed prompt, a configuration that is no map, or more than PAIRS_MAX pairs.
    """
    from .providers.call import open_http

    if len(configs) * len(test_prompts) > PAIRS_MAX:
        raise UsageError(f"more than {PAIRS_MAX} pairs of a configuration and a prompt")
    targets = [_target(index, config, environment) for index, config in enumerate(configs)]
    prompts = [_prompt(index, prompt) for index, prompt in enumerate(test_prompts)]
    results = []
    async with open_http() as http:
        for config_index, target in enumerate(targets):
            clean = Redactor([target.get("key", "")]).clean
            for prompt_index, prompt in enumerate(prompts):
                try:
                    error, response = None, await _ask(http, target, prompt, timeout_s)
                except ModuleError as failure:
                    error, response = clean(failure.to_text()), None
                except UsageError as failure:
                    error, response = clean(str(failure)), None
                pair = {
                    "config_index": config_index,
                    "prompt_index": prompt_index,
                    "available": error is None,
                }
                results.append({**pair, "error": error, "response": clean(response)})
    return results


def _target(index: int, config: Any, environment: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise UsageError(f"configs[{index}]: a map is wanted")
    target: dict[str, Any] = expand(dict(config), environment)
    return target


def _prompt(index: int, prompt: Any) -> Ask:
    if not isinstance(prompt, Mapping):
        raise UsageError(f"test_prompts[{index}]: a map is wanted")
    unknown = next((key for key in prompt if key not in PROMPT_KEYS), None)
    if unknown is not None:
        raise UsageError(f"test_prompts[{index}].{unknown}: no setting has this name here")
    try:
        images = [base64.b64decode(image, validate=True) for image in prompt.get("images") or []]
        ask = read_ask("", {**prompt, "images": images}, "text")
        return ask if prompt.get("temperature") is not None else replace(ask, temperature=None)
    except ModuleError as error:
        raise UsageError(f"test_prompts[{index}]: {error.to_text()}") from error
    except (binascii.Error, TypeError, ValueError) as error:
        raise UsageError(f"test_prompts[{index}].images: a list of Base64 texts is wanted") from error


async def _ask(http: aiohttp.ClientSession, target: Mapping[str, Any], ask: Ask, timeout_s: float) -> Any:
    from .providers.call import call

    section = Section("", target)
    shape = SHAPES[section.word("provider", tuple(SHAPES))]
    host, model = take_host(section), section.text("model")
    key = section.text("key", "") if target["provider"] in KEYLESS else section.text("key")
    section.end()
    reply = await call(http, shape, host, key, replace(ask, model=model), timeout_s)
    return to_data(reply.content, "text")
