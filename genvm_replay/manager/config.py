"""The configuration file of the service: YAML, keys of `genvm-manager.yaml` and ours (spec/manager-modules.md 6.1)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from ..errors import UsageError
from ..modules.config import expand

CONFIG_BYTES_MAX: Final = 1 << 20


class ServeConfig(msgspec.Struct, forbid_unknown_fields=True):
    """What the file may say; each has an option of `serve` that counts more.

    Attributes:
        permits: null: by the memory that is free.
        threads: with `blocking_threads` and `log_disable`, taken from deployed files; means nothing here.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 3999
    manifest_path: str | None = None
    llm_config: str | None = None
    web_config: str | None = None
    permits: Annotated[int, Meta(ge=2, le=4096)] | None = None
    log_level: str = "info"
    token_file: str | None = None
    allowed_hosts: list[str] = []
    allowed_env: list[str] = []
    max_body: Annotated[int, Meta(ge=1024)] = 64 << 20
    plain_statuses: bool = False
    drain: Annotated[float, Meta(ge=0, le=86400)] = 30.0
    jobs: Annotated[int, Meta(ge=1, le=64)] = 2
    job_seconds: Annotated[float, Meta(gt=0, le=86400)] = 120.0
    threads: Any = None
    blocking_threads: Any = None
    log_disable: Any = None


def read_config(path: Path) -> ServeConfig:
    """Read the file; `${exeDir}` is its folder, as in the configuration of modules.

    Raises:
        UsageError: it can't be read, is no YAML, or has a key that is unknown or malformed; the text names it.
    """
    import yaml

    try:
        with path.open("rb") as file:
            found = yaml.safe_load(file.read(CONFIG_BYTES_MAX))
        known = expand({} if found is None else found, os.environ, exe_dir=path.absolute().parent)
        config = msgspec.convert(known, ServeConfig)
    except OSError as error:
        raise UsageError(f"can't read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no YAML: {str(error).splitlines()[0]}") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}") from error
    return config
