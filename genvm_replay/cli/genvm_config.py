"""The configuration file of `genvm` (spec/executor.md 1.4): YAML, its texts templated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..host_bridge.modules import ADDRESSES

CONFIG_BYTES_MAX: Final = 1 << 20
TEMPLATE: Final = re.compile(r"\$\{(?:ENV\[([A-Za-z0-9_]+)\]|([A-Za-z0-9_]+))\}")


@dataclass(frozen=True, slots=True)
class Config:
    """What of the file matters here.

    Attributes:
        modules: WebSocket addresses by module.
        runners_dir, registry_dir: where official runner archives and their lists are; None: nowhere.
    """

    modules: Mapping[str, str] = field(default_factory=lambda: dict(ADDRESSES))
    runners_dir: Path | None = None
    registry_dir: Path | None = None
    log_level: str = "info"


def load_config(path: Path | None, environment: Mapping[str, str]) -> Config:
    """Read a configuration; None gives the defaults.

    Raises:
        UsageError: unreadable, no YAML, not a map, or a text names an unknown variable.
    """
    if path is None:
        return Config()
    import yaml

    try:
        with path.open("rb") as file:
            content = yaml.safe_load(file.read(CONFIG_BYTES_MAX))
    except OSError as error:
        raise UsageError(f"can't read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration {path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"the configuration {path} is not a map")
    return _read(content, {"exeDir": str(path.resolve().parent), **_texts(content)}, environment)


def _texts(content: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in content.items() if isinstance(value, str)}


def _read(content: Mapping[str, Any], names: Mapping[str, str], environment: Mapping[str, str]) -> Config:
    def text(value: object, default: str = "") -> str:
        return fill(value, names, environment) if isinstance(value, str) else default

    modules = content.get("modules")
    modules = modules if isinstance(modules, dict) else {}
    addresses = {
        name: text((modules.get(name) or {}).get("address"), default) for name, default in ADDRESSES.items()
    }
    folders = {
        name: Path(text(content[name])) if name in content else None
        for name in ("runners_dir", "registry_dir")
    }
    return Config(
        addresses, folders["runners_dir"], folders["registry_dir"], text(content.get("log_level"), "info")
    )


def fill(text: str, names: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Fill `${NAME}` and `${ENV[NAME]}` in; an absent environment variable is empty.

    Raises:
        UsageError: an unknown name.
    """

    def replace(match: re.Match[str]) -> str:
        variable, name = match.groups()
        if variable is not None:
            return environment.get(variable, "")
        if name not in names:
            raise UsageError(f"the configuration uses the unknown name ${{{name}}}")
        return names[name]

    return TEMPLATE.sub(replace, text)
