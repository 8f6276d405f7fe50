"""What scripts see of the configuration: models and policy, never a host or a key (spec/manager-modules.md 3, 5.3)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .config import LlmConfig, ModelConfig


def tables(config: LlmConfig) -> dict[str, Any]:
    """Constant tables by their dotted names. `order` is the place in the configuration: tables of Lua have none."""
    providers = {
        name: {
            "order": place,
            "priority": backend.priority,
            "weight": backend.weight,
            "models": {
                model_name: _model(model_place, model)
                for model_place, (model_name, model) in enumerate(backend.models.items(), 1)
            },
        }
        for place, (name, backend) in enumerate(config.backends.items(), 1)
    }
    policy = {**asdict(config.retries), "load_balancing": config.load_balancing}
    templates = {name: asdict(template) for name, template in config.templates.items()}
    named = {"providers": providers, "policy": policy, "templates": templates, "meta": config.service.meta}
    return {f"__llm.{name}": value for name, value in named.items()}


def _model(place: int, model: ModelConfig) -> dict[str, Any]:
    return {
        "order": place,
        "supports_json": model.supports_json,
        "supports_image": model.supports_image,
        "supports_temperature": model.supports_temperature,
        "use_max_completion_tokens": model.use_max_completion_tokens,
        "meta": model.meta,
        "price": {"input": float(model.prices.input), "output": float(model.prices.output)},
    }
