"""Configuration of a module: its file, variables, and the keys that both modules have (spec/manager-modules.md 3).

What only one module has is read in `llm/config.py` and `web/config.py`, by the same `Section`. Every error is a
UsageError that names the path of the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

from .. import __version__
from ..errors import UsageError

FILE_BYTES_MAX: Final = 4 << 20
DEPTH_MAX: Final = 32
VALUES_MAX: Final = 200_000
VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
ENVIRONMENT: Final = re.compile(r"ENV\[([^\[\]]+)\]")
DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)")
SECONDS: Final = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
LOG_LEVELS: Final = ("trace", "debug", "info", "warn", "error")
SIGNER_URL: Final = "http://localhost:9155/genvm/sign"
WANTED: Final[dict[type, str]] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    dict: "a map",
    list: "a list",
}
REQUIRED: Final[Any] = object()


def read_config_file(path: Path) -> dict[str, Any]:
    """Read a configuration in YAML, of which JSON is a part. Variables in it stay as they are; an empty file is a map.

    Raises:
        UsageError: the file can't be read, is no YAML, or holds no map.
    """
    import yaml

    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise UsageError(f"{path}: more than {FILE_BYTES_MAX >> 20} MiB; is this a configuration?")
        document = yaml.safe_load(data)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UsageError(f"{path}: not YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UsageError(f"{path}: a configuration is a map of keys")
    return document


def expand(document: Any, environment: Mapping[str, str], *, exe_dir: Path | None = None) -> Any:
    """Put values in the place of variables, in keys and values alike (spec/manager-modules.md 3).

    `${ENV[NAME]}` is a variable of the environment, empty where it is not set; `${exeDir}` `exe_dir`, by default
    the working folder; `${genvmVersion}` this release. What was put in is not looked at again.

    Raises:
        UsageError: any other variable; maps and lists nested deeper than DEPTH_MAX, or more than VALUES_MAX values,
            which a few lines of YAML can stand for.
    """
    left = VALUES_MAX
    known = {"exeDir": str(exe_dir or Path.cwd()), "genvmVersion": f"v{__version__}"}

    def value_of(path: str, name: str) -> str:
        from_environment = ENVIRONMENT.fullmatch(name)
        if from_environment:
            return environment.get(from_environment[1], "")
        if name not in known:
            _refuse(
                path,
                f"no variable has the name {name!r}: write ${{ENV[NAME]}}, ${{exeDir}} or ${{genvmVersion}}",
            )
        return known[name]

    def walk(path: str, value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            _refuse(path, f"more than {VALUES_MAX} values; is this a configuration?")
        if depth > DEPTH_MAX:
            _refuse(path, f"nested deeper than {DEPTH_MAX}")
        if isinstance(value, str):
            return VARIABLE.sub(lambda found: value_of(path, found[1]), value)
        if isinstance(value, dict):
            inner = ((key, item, f"{path}.{key}".lstrip(".")) for key, item in value.items())
            return {walk(at, key, depth + 1): walk(at, item, depth + 1) for key, item, at in inner}
        if isinstance(value, list):
            return [walk(f"{path}[{index}]", item, depth + 1) for index, item in enumerate(value)]
        return value

    return walk("", document, 0)


def _refuse(path: str, text: str) -> NoReturn:
    raise UsageError(f"configuration: {path}: {text}")


class Section:
    """A map of a configuration, taken apart key by key.

    A null stands for a key that is not there. A key that is neither there nor has a default is refused.
    """

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self._values = dict(values)
        for key in self._values:
            if not isinstance(key, str):
                self.refuse(str(key), "a key is text; put it in quotation marks")

    def refuse(self, key: str, text: str) -> NoReturn:
        """Raise the error of one key."""
        _refuse(self.at(key), text)

    def at(self, key: str) -> str:
        """The path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Whether a key is there and not null, and not taken yet."""
        return self._values.get(key) is not None

    def take(self, key: str, kind: type, default: Any = REQUIRED) -> Any:
        """Take a value of a kind (str, int, bool, dict, list)."""
        value = self._values.pop(key, None)
        if value is None:
            if default is REQUIRED:
                self.refuse(key, "is missing")
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.refuse(key, f"{WANTED[kind]} is wanted")
        return value

    def anything(self, key: str, default: Any = None) -> Any:
        """Take a value of any kind, such as `meta`."""
        return self._values.pop(key, default)

    def text(self, key: str, default: Any = REQUIRED) -> Any:
        """Take a text."""
        return self.take(key, str, default)

    def word(self, key: str, words: tuple[str, ...], default: Any = REQUIRED) -> Any:
        """Take one of some words."""
        word = self.take(key, str, default)
        if word not in words:
            self.refuse(key, f"{word!r} is none of {', '.join(words)}")
        return word

    def switch(self, key: str, default: Any = REQUIRED) -> Any:
        """Take true or false."""
        return self.take(key, bool, default)

    def whole(self, key: str, default: Any = REQUIRED, *, least: int = 0, most: int = 1 << 31) -> Any:
        """Take a whole number in least ... most."""
        number = self.take(key, int, default)
        if number is not None and not least <= number <= most:
            self.refuse(key, f"{number} is not in {least} ... {most}")
        return number

    def decimal(self, key: str, default: Any = REQUIRED, *, most: int = 10**12) -> Any:
        """Take a number in 0 ... most, exactly as it is written."""
        value = self._values.pop(key, None)
        if value is None:
            if default is REQUIRED:
                self.refuse(key, "is missing")
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
            self.refuse(key, f"a number in 0 ... {most} is wanted")
        return Decimal(str(value))

    def seconds(self, key: str, default: Any = REQUIRED, *, most: int = 86_400) -> Any:
        """Take a duration: a number of seconds, or digits with ms, s, m or h behind them."""
        value = self._values.get(key)
        if not isinstance(value, str):
            number = self.decimal(key, default, most=most)
            return float(number) if isinstance(number, Decimal) else number
        self._values.pop(key)
        found = DURATION.fullmatch(value)
        if found is None or (seconds := Decimal(found[1]) * SECONDS[found[2]]) > most:
            self.refuse(key, f"{value!r} is no duration such as 500ms, 30s or 3m, of at most {most}s")
        return float(seconds)

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts, empty where it is not there."""
        items = self.take(key, list, [])
        for index, item in enumerate(items):
            if not isinstance(item, str):
                self.refuse(f"{key}[{index}]", "text is wanted")
        return tuple(items)

    def text_map(self, key: str) -> dict[str, str]:
        """Take a map of texts, empty where it is not there."""
        items: dict[str, str] = self.take(key, dict, {})
        for name, item in items.items():
            if not isinstance(name, str) or not isinstance(item, str):
                self.refuse(f"{key}.{name}", "text is wanted")
        return items

    def section(self, key: str) -> Section:
        """Take a map, empty where it is not there."""
        return Section(self.at(key), self.take(key, dict, {}))

    def sections(self, key: str) -> Iterator[tuple[str, Section]]:
        """Take a map of maps, in the order of the file; null in the place of an inner one is an empty map."""
        outer = self.section(key)
        for name in list(outer._values):
            yield name, outer.section(name)

    def end(self) -> None:
        """Refuse what is left over: most often a typing error, whose setting would be silently without effect."""
        if self._values:
            key = next(iter(self._values))
            self.refuse(key, "no setting has this name here")


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """What both modules are told.

    Attributes:
        bind_address: host and port to listen on.
        lua_script_path: the script with the policy; None for the one that comes with the module.
        lua_path: where `require` looks, in Lua's form: patterns with `?`, parted by semicolons.
        vm_count: Lua VMs that stand ready.
        vm_count_max: Lua VMs, and so connections, at once.
        signer_url, signer_headers: of the service that signs requests; `#{...}` in them is filled in when signing.
        meta: free, visible to scripts.
    """

    bind_address: tuple[str, int]
    lua_script_path: Path | None
    lua_path: str
    vm_count: int
    vm_count_max: int
    log_level: str
    log_disable: str
    signer_url: str
    signer_headers: Mapping[str, str] = field(repr=False)
    meta: Any = None


def take_service(section: Section, *, port: int) -> ServiceConfig:
    """Take the keys that both modules have. The peers' thread counts and data folder are taken and have no effect."""
    for key in ("threads", "blocking_threads"):
        section.whole(key, None)
    section.text("data_dir", None)
    script = section.text("lua_script_path", None)
    return ServiceConfig(
        bind_address=_address(section, "bind_address", f"127.0.0.1:{port}"),
        lua_script_path=Path(script) if script else None,
        lua_path=section.text("lua_path", None) or section.text("extra_lua_path", ""),
        vm_count=section.whole("vm_count", 6, least=1, most=1024),
        vm_count_max=section.whole("vm_count_max", 128, least=1, most=1024),
        log_level=section.word("log_level", LOG_LEVELS, "info"),
        log_disable=section.text("log_disable", ""),
        signer_url=section.text("signer_url", SIGNER_URL),
        signer_headers=section.text_map("signer_headers"),
        meta=section.anything("meta"),
    )


def _address(section: Section, key: str, default: str) -> tuple[str, int]:
    text = section.text(key, default)
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        section.refuse(key, f"{text!r} is no host:port such as {default}")
    return host.removeprefix("[").removesuffix("]"), int(port)
