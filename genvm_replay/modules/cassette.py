"""A cassette: what modules were asked and answered, recorded once and played for ever. No file here.

Modes are named as in the VCR libraries:

| mode | asked what it holds | asked something else |
|---|---|---|
| `once` | plays | a new cassette records, one that was there before fails |
| `none` | plays | fails |
| `new-episodes` | plays | asks the modules and records |
| `all` | asks the modules and records; what it held before is gone | the same |

An episode is a request with its reply. It matches a request that is equal in every field but `remaining_fuel_as_gen`,
which is the host's. Equal requests are answered by their episodes in the order of the cassette; when these are used up,
the last one is played again. A fatal error of a module is passed on, but not recorded: a broken provider is no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from threading import Lock
from typing import Any, Final, Literal, TypeAlias, get_args

from .. import calldata
from ..calldata import CalldataError, Value, to_text
from ..errors import EnvironmentProblem
from ..host_bridge.modules import Modules, Said

Mode: TypeAlias = Literal["once", "none", "new-episodes", "all"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
FUEL: Final = "remaining_fuel_as_gen"
SHOWN_CHARS_MAX: Final = 200  # of a value in a message
SHOWN_FIELDS_MAX: Final = 8
COMPARED_CHARS_MAX: Final = 2000  # of two texts, to find the nearest episode
ABSENT: Final = "(absent)"


class CassetteMiss(EnvironmentProblem):
    """A cassette that may not record was asked for something that it does not hold."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One request to a module, without the host's fuel, and its reply."""

    module: str
    request: Value
    reply: Value

    @property
    def name(self) -> str:
        """Module and kind of the request, such as `llm Prompt`."""
        kind = next(iter(self.request), "") if isinstance(self.request, Mapping) else self.request
        return f"{self.module} {kind}"


class Cassette:
    """Plays and records. Threads may share it.

    Attributes:
        episodes: in their order; recorded ones are at the end.
        changed: there is something to be saved.
    """

    def __init__(self, held: Sequence[Episode] | None, mode: Mode, name: str = "the cassette") -> None:
        """
        Args:
            held: what was recorded before; None: there is no such cassette yet.
            name: for messages.
        """
        self._plays = mode != "all"
        self._records = mode in ("new-episodes", "all") or (mode == "once" and held is None)
        self._asks_again = mode == "all" or (mode == "once" and held is None)
        self._name = name
        self._lock = Lock()
        self._used: Counter[int] = Counter()
        self.episodes: list[Episode] = list(held or ()) if self._plays else []
        self.changed = False

    def through(self, modules: Modules) -> Modules:
        """What a run asks in the place of its modules."""
        return _Between(self, modules)

    def unused(self) -> list[tuple[int, Episode]]:
        """Episodes that were neither played nor recorded since this was made, with their numbers, from 1."""
        return [(number, one) for number, one in enumerate(self.episodes, 1) if not self._used[number]]

    def play(self, module: str, message: bytes) -> Said | None:
        """The recorded reply; None where the modules are to be asked.

        Raises:
            CassetteMiss: nothing fits, and nothing may be recorded. It names the nearest episode.
        """
        asked = request_of(message)
        with self._lock:
            number = None if self._asks_again else self._find(module, asked)
            if number is not None:
                self._used[number] += 1
                told: dict[str, Value] = {"backend": "cassette", "episode": number}
                return Said(calldata.encode(self.episodes[number - 1].reply), (told,))
            if self._records:
                return None
            raise CassetteMiss(self._miss(module, asked))

    def record(self, module: str, message: bytes, reply: bytes) -> None:
        """Take in a reply of a module, unless it is a fatal error."""
        try:
            told = calldata.decode(reply)
        except CalldataError:
            return  # whoever reads it says so
        if isinstance(told, Mapping) and "FatalError" in told:
            return
        with self._lock:
            self.episodes.append(Episode(module, request_of(message), told))
            self._used[len(self.episodes)] += 1
            self.changed = True

    def _find(self, module: str, asked: Value) -> int | None:
        """The least used of the equal episodes, the first of these; where all are used, the last."""
        equal = [
            number
            for number, one in enumerate(self.episodes, 1)
            if one.module == module and one.request == asked
        ]
        fresh = [number for number in equal if not self._used[number]]
        return next(iter(fresh), equal[-1] if equal else None)

    def _miss(self, module: str, asked: Value) -> str:
        kind = Episode(module, asked, None).name
        nearest = self._nearest(module, asked)
        head = f"{self._name} has no episode for this request ({kind}), and its mode does not record"
        if nearest is None:
            return f"{head}; it holds nothing of the {module} module"
        number, differences = nearest
        shown = differences[:SHOWN_FIELDS_MAX]
        lines = [f"  {place}: recorded {_shown(one)}, asked {_shown(other)}" for place, one, other in shown]
        if len(differences) > len(shown):
            lines.append(f"  and {len(differences) - len(shown)} fields more")
        return "\n".join([f"{head}. Episode {number} is the nearest; it differs in", *lines])

    def _nearest(self, module: str, asked: Value) -> tuple[int, list[Difference]] | None:
        found = [
            (number, list(differences(one.request, asked)))
            for number, one in enumerate(self.episodes, 1)
            if one.module == module
        ]
        return min(found, key=lambda one: (_distance(one[1]), one[0]), default=None)


class _Between:
    """A cassette between a run and its modules."""

    def __init__(self, cassette: Cassette, modules: Modules) -> None:
        self._cassette, self._modules = cassette, modules

    def call(self, module: str, message: bytes) -> Said:
        """Play, or ask and record."""
        played = self._cassette.play(module, message)
        if played is not None:
            return played
        said = self._modules.call(module, message)
        self._cassette.record(module, message, said.reply)
        return said


def request_of(message: bytes) -> Value:
    """A request as it is compared: without the fuel that the host has left."""
    asked = calldata.decode(message)
    if not isinstance(asked, Mapping):
        return asked
    return {
        kind: {name: value for name, value in fields.items() if name != FUEL}
        if isinstance(fields, Mapping)
        else fields
        for kind, fields in asked.items()
    }


Difference: TypeAlias = tuple[str, Any, Any]


def differences(recorded: Value, asked: Value, place: str = "") -> Iterator[Difference]:
    """The leaves in which two requests differ: dotted path, recorded value, asked value."""
    if isinstance(recorded, Mapping) and isinstance(asked, Mapping):
        for key in sorted(recorded.keys() | asked.keys()):
            inner = f"{place}.{key}".lstrip(".")
            yield from differences(recorded.get(key, ABSENT), asked.get(key, ABSENT), inner)
    elif isinstance(recorded, list) and isinstance(asked, list):
        for index in range(max(len(recorded), len(asked))):
            one, other = (items[index] if index < len(items) else ABSENT for items in (recorded, asked))
            yield from differences(one, other, f"{place}[{index}]")
    elif recorded != asked or type(recorded) is not type(asked):
        yield place, recorded, asked


def _distance(found: Sequence[Difference]) -> float:
    """How far apart two requests are: their differing fields, texts by what they share."""
    return sum(_apart(one, other) for _, one, other in found)


def _apart(one: object, other: object) -> float:
    if not isinstance(one, str) or not isinstance(other, str) or ABSENT in (one, other):
        return 1.0
    matcher = SequenceMatcher(None, one[:COMPARED_CHARS_MAX], other[:COMPARED_CHARS_MAX], autojunk=False)
    return 1.0 - matcher.quick_ratio() / 2


def _shown(value: Any) -> str:
    text = value if value == ABSENT else to_text(value)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}... ({len(text)} characters)"
