"""Which executor runs a transaction: the manifest, the choice by major and time, a contract's own wish.

spec/manager-modules.md 6.6. The greatest version of the major that is open at the timestamp, then patch by patch as
long as the manifest has the next one: patches count from the beginning, as fixes of security do. Versions that our own
executor claims are run by it; others are programs at `<root>/executor/vX.Y.Z/bin/genvm`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from ..errors import UsageError
from ..executor.moment import parse_datetime
from ..executor.runners.forms import version_pattern
from ..executor.stops import VmError

MANIFEST_BYTES_MAX: Final = 1 << 20
NOT_AVAILABLE: Final = "no_executor_version_available"
PATTERN_SECONDS_MAX: Final = 10.0
PROGRAM: Final = Path("bin") / "genvm"
OURS: Final = "own"  # what `--reroute-to` calls our own executor
VERSION: Final = re.compile(r"v([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})")
PATTERN: Final = re.compile(r"v(\*|[0-9]{1,5})(?:\.(?:\*|[0-9]{1,5})){2}")
CLAIM: Final = re.compile(r"v(\*|[0-9]{1,5})\.(\*|[0-9]{1,5})\.(\*|[0-9]{1,5})")
CLAIMS: Final = ("v0.1.*", "v0.2.*")

Number: TypeAlias = tuple[int, int, int]
MANIFEST: Final = {
    "executor_versions": {
        "v0.1.0": {"available_after": "2024-08-01T09:00:00Z"},
        "v0.2.0": {"available_after": "2025-07-01T09:00:00Z"},
        "v0.2.5": {"available_after": "2025-12-01T00:00:00Z"},
    }
}
"""Where no manifest is given: what our own executor claims, so that it runs everything of major 0."""


@dataclass(frozen=True, slots=True)
class Executor:
    """One executor.

    Attributes:
        version: `vX.Y.Z`.
        program: None for our own.
    """

    version: str
    program: Path | None = None


class Versions:
    """The executors that there are."""

    def __init__(
        self,
        root: Path | None = None,
        manifest: Path | None = None,
        *,
        claims: tuple[str, ...] = CLAIMS,
        reroute_to: str | None = None,
    ) -> None:
        """
        Args:
            root: holds `executor/vX.Y.Z/bin/genvm`; None: there are no others.
            manifest: YAML; None: what our own executor claims.
            claims: versions that our own executor answers for; `*` stands for any number.
            reroute_to: name of a folder in `<root>/executor`, or OURS: takes every run.

        Raises:
            UsageError: the manifest can't be read or is malformed, or a claim or reroute_to is.
        """
        self._root = root
        self._path = manifest
        self._claims = tuple(_claim(text) for text in claims)
        self._rerouted = None if reroute_to is None else self._folder(reroute_to)
        self.reload()

    def reload(self) -> None:
        """Read the manifest again; one that is malformed changes nothing.

        Raises:
            UsageError: unreadable or malformed.
        """
        self._open_after = read_manifest(MANIFEST if self._path is None else _load(self._path))

    @property
    def names(self) -> list[str]:
        """All versions of the manifest, oldest first."""
        return [_name(number) for number in sorted(self._open_after)]

    def choose(self, major: int, timestamp: str) -> Executor:
        """The executor of a major at a time.

        Raises:
            UsageError: `no_executor_version_available`, or the timestamp is no RFC 3339.
        """
        moment = parse_datetime(timestamp)
        if self._rerouted is not None:
            return self._rerouted
        return self._executor(greatest(self._open_after, major, moment))

    def detect(self, code: bytes, timestamp: str) -> int:
        """The major that a contract asks for, at most the newest that is open.

        Waits for another program where the newest major is not ours: not for an event loop's thread.

        Raises:
            UsageError: `no_executor_version_available`: none is open.
        """
        moment = parse_datetime(timestamp)
        majors = [major for (major, _, _), since in self._open_after.items() if since <= moment]
        if not majors:
            raise UsageError(f"{NOT_AVAILABLE}: no version is open at {timestamp}")
        asked = PATTERN.fullmatch(pattern_of(self.choose(max(majors), timestamp), code).strip())
        wanted = asked.group(1) if asked else "*"
        return max(majors) if wanted == "*" else min(int(wanted), max(majors))

    def _executor(self, number: Number) -> Executor:
        claimed = any(
            all(want in (None, have) for want, have in zip(claim, number, strict=True))
            for claim in self._claims
        )
        return Executor(_name(number)) if claimed else self._folder(_name(number))

    def _folder(self, name: str) -> Executor:
        if name == OURS:
            return Executor(OURS)
        if not VERSION.fullmatch(name):
            raise UsageError(f"{name!r} is no version of an executor (vX.Y.Z)")
        program = None if self._root is None else self._root / "executor" / name / PROGRAM
        if program is None or not program.is_file():
            raise UsageError(f"{NOT_AVAILABLE}: the executor {name} is not installed")
        return Executor(name, program)


def read_manifest(content: object) -> dict[Number, datetime]:
    """The versions of a manifest and from when on each is open.

    Raises:
        UsageError: malformed; the text says where.
    """
    versions = content.get("executor_versions") if isinstance(content, Mapping) else None
    if not isinstance(versions, Mapping):
        raise UsageError("the manifest has no map executor_versions")
    return {_number(name): _since(name, facts) for name, facts in versions.items()}


def greatest(versions: Mapping[Number, datetime], major: int, moment: datetime) -> Number:
    """The version of a major at a time; see the module.

    Raises:
        UsageError: `no_executor_version_available`.
    """
    fitting = [number for number, since in versions.items() if number[0] == major and since <= moment]
    if not fitting:
        raise UsageError(f"{NOT_AVAILABLE}: no compatible version of major {major} at {moment.isoformat()}")
    found = max(fitting)
    while (found[0], found[1], found[2] + 1) in versions:
        found = (found[0], found[1], found[2] + 1)
    return found


def pattern_of(executor: Executor, code: bytes) -> str:
    """What an executor's `parse-version-pattern` says of a contract; `` where it is none."""
    if executor.program is None:
        try:
            return version_pattern(code)
        except VmError:
            return ""
    try:
        words = [str(executor.program), "parse-version-pattern"]
        done = subprocess.run(
            words, input=code, capture_output=True, timeout=PATTERN_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout[:100].decode(errors="replace") if done.returncode == 0 else ""


def _load(path: Path) -> object:
    import yaml

    try:
        with path.open("rb") as file:
            return yaml.safe_load(file.read(MANIFEST_BYTES_MAX))
    except OSError as error:
        raise UsageError(f"can't read the manifest: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"the manifest is no YAML: {str(error).splitlines()[0]}") from error


def _number(name: object) -> Number:
    match = VERSION.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise UsageError(f"the manifest: {name!r} is no version (vX.Y.Z)")
    major, minor, patch = map(int, match.groups())
    return major, minor, patch


def _since(name: object, facts: Any) -> datetime:
    since = facts.get("available_after") if isinstance(facts, Mapping) else None
    text = since.isoformat() if isinstance(since, datetime) else since  # YAML knows times too
    try:
        return parse_datetime(text if isinstance(text, str) else repr(text))
    except UsageError as error:
        raise UsageError(f"the manifest: {name}: available_after: {error}") from error


def _claim(text: str) -> tuple[int | None, ...]:
    match = CLAIM.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no version that can be claimed (v0.2.*)")
    return tuple(None if part == "*" else int(part) for part in match.groups())


def _name(number: Number) -> str:
    return "v" + ".".join(map(str, number))
