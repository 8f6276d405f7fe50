"""The two listings of a runner registry, all.json and latest.json (spec/executor.md 6.4)."""

from __future__ import annotations

import json

from ...errors import EnvironmentProblem


def read_all(raw: bytes) -> dict[str, tuple[str, ...]]:
    """Runner name -> its hashes.

    Raises:
        EnvironmentProblem: something else.
    """
    listing = {}
    for name, hashes in _object(raw, "all.json").items():
        if not isinstance(hashes, list) or not all(isinstance(text, str) for text in hashes):
            raise EnvironmentProblem(f"all.json: {name!r} must have a list of hashes")
        listing[name] = tuple(hashes)
    return listing


def read_latest(raw: bytes) -> dict[str, str]:
    """Runner name -> the hash that `test` and `latest` stand for.

    Raises:
        EnvironmentProblem: something else.
    """
    listing = {}
    for name, text in _object(raw, "latest.json").items():
        if not isinstance(text, str):
            raise EnvironmentProblem(f"latest.json: {name!r} must have a hash")
        listing[name] = text
    return listing


def _object(raw: bytes, what: str) -> dict[str, object]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise EnvironmentProblem(f"{what} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise EnvironmentProblem(f"{what} must be an object")
    return value
