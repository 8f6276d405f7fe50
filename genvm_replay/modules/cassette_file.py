"""A cassette's file: YAML that people can read, edit and commit, with every byte kept.

    format: genvm-replay cassette/1
    episodes:
    - module: llm
      request: {Prompt: {payload: {prompt: Hi, response_format: text, images: []}}}
      reply: {Ok: {data: Hello, consumed_gen: 0}}

Values are calldata: text, whole numbers, true, false, null, lists, maps with text keys; a number with a fraction or a
date is text. Bytes are `!bytes "text"` where they are printable UTF-8, else `!!binary` (base64); an address is
`!address "0x..."`. Anchors and aliases are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import yaml

from .. import calldata
from ..calldata import Address, CalldataError
from ..errors import EnvironmentProblem, UsageError
from .cassette import Cassette, Episode, Mode

FORMAT: Final = "genvm-replay cassette/1"
FILE_BYTES_MAX: Final = 256 << 20
FIELDS: Final = {"module", "request", "reply"}
BYTES, ADDRESS, TEXT = "!bytes", "!address", "tag:yaml.org,2002:str"
WIDTH: Final = 110
NOT_CALLDATA: Final = ("timestamp", "float", "merge", "value")  # of YAML's types


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Knows the two tags, and nothing that is no calldata."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith(NOT_CALLDATA)]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes texts of several lines as blocks."""

    def ignore_aliases(self, data: object) -> bool:
        """Never an alias: a copy is easier to read and to edit."""
        return True


def _text_node(dumper: Any, text: str, tag: str = TEXT) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ('"' if tag == BYTES else None)
    node: yaml.ScalarNode = dumper.represent_scalar(tag, text, style=style)
    return node


def _bytes_node(dumper: Any, data: bytes) -> yaml.ScalarNode:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if all(c.isprintable() or c == "\n" for c in text):
        return _text_node(dumper, text, BYTES)
    node: yaml.ScalarNode = dumper.represent_binary(data)
    return node


_Loader.add_constructor(BYTES, lambda loader, node: loader.construct_scalar(node).encode())
_Loader.add_constructor(ADDRESS, lambda loader, node: Address.parse(loader.construct_scalar(node)))
_Dumper.add_representer(str, _text_node)
_Dumper.add_representer(bytes, _bytes_node)
_Dumper.add_representer(
    Address, lambda dumper, one: dumper.represent_scalar(ADDRESS, one.checksummed, style='"')
)


def to_yaml(episodes: Sequence[Episode]) -> bytes:
    """The file of these episodes."""
    told = [{"module": one.module, "request": one.request, "reply": one.reply} for one in episodes]
    text: bytes = yaml.dump(
        {"format": FORMAT, "episodes": told},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        encoding="utf-8",
        width=WIDTH,
    )
    return text


def from_yaml(data: bytes, name: str) -> list[Episode]:
    """Read a file back.

    Args:
        name: of the file, for messages.

    Raises:
        UsageError: it is none; the text says where.
    """
    try:
        document = yaml.load(data, Loader=_Loader)  # a safe one: see its head
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError, UsageError) as error:
        raise UsageError(f"{name}: no cassette: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError(f"{name}: no cassette: its format is not {FORMAT!r}")
    episodes = document.get("episodes")
    if document.keys() != {"format", "episodes"} or not isinstance(episodes, list):
        raise UsageError(f"{name}: a cassette has `format` and a list of `episodes`")
    met = set[int]()
    return [_episode(one, f"{name}: episode {number}", met) for number, one in enumerate(episodes, 1)]


def _episode(one: Any, place: str, met: set[int]) -> Episode:
    if not isinstance(one, dict) or one.keys() != FIELDS or not isinstance(one["module"], str):
        raise UsageError(f"{place}: it wants module, request and reply")
    try:
        _check(one, met)
        calldata.encode([one["request"], one["reply"]])
    except (CalldataError, ValueError, RecursionError) as error:
        raise UsageError(f"{place}: {error}") from error
    return Episode(one["module"], one["request"], one["reply"])


def _check(value: object, met: set[int]) -> None:
    """Refuse maps with other keys than text, and what is there twice: a few aliases can be a value without end.

    Raises:
        ValueError: says what.
    """
    if not isinstance(value, dict | list):
        return
    if id(value) in met:
        raise ValueError("anchors and aliases are refused, write the value out")
    met.add(id(value))
    for key in value if isinstance(value, dict) else ():
        if not isinstance(key, str):
            raise ValueError(f"a key is text; put {key!r} in quotation marks")
    for inner in value.values() if isinstance(value, dict) else value:
        _check(inner, met)


@contextmanager
def open_cassette(path: Path, mode: Mode) -> Iterator[Cassette]:
    """A cassette for the time of a context; what it recorded is saved at the end, also after an error.

    Raises:
        UsageError: the file is no cassette, or there is none and `mode` is `none`.
        EnvironmentProblem: it can't be read or written.
    """
    cassette = Cassette(_read(path, mode), mode, f"the cassette {path}")
    try:
        yield cassette
    finally:
        if cassette.changed:
            _write(path, to_yaml(cassette.episodes))


def _read(path: Path, mode: Mode) -> list[Episode] | None:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        if mode == "none":
            raise UsageError(f"there is no cassette {path}; another mode records one") from error
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no such folder to record a cassette in") from error
        return None
    except OSError as error:
        raise EnvironmentProblem(f"{path}: {error.strerror or error}") from error
    if len(data) > FILE_BYTES_MAX:
        raise UsageError(f"{path}: a cassette has at most {FILE_BYTES_MAX >> 20} MiB")
    return from_yaml(data, str(path))


def _write(path: Path, data: bytes) -> None:
    """Replace the file at once: who reads meanwhile sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise EnvironmentProblem(f"{path}: {error.strerror or error}") from error
