"""runner.json to actions (spec/executor.md 6.3).

An action is an object with exactly one key. A record is an object, whose unknown keys are ignored, or an array of its
fields in order. JSON is read as the deployed executor's parser does: no repeated fields, no NaN, 127 levels at most.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn, TypeAlias

from .actions import Action, AddEnv, Depends, LinkWasm, MapFile, Mode, Seq, SetArgs, StartWasm, When, With
from .refusal import refusal, shown

JSON_SIZE_MAX: Final = 1 << 20
DEPTH_MAX: Final = 127
MODES: Final[dict[str, Mode]] = {"det": "det", "nondet": "nondet"}
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


class Pairs(NamedTuple):
    """A JSON object with its repeated keys."""

    items: list[tuple[str, Json]]


Json: TypeAlias = "None | bool | str | list[Json] | Pairs"
"""Numbers are read as None: an action has no place for one."""


def parse_action(raw: bytes) -> Action:
    """Read a runner.json.

    Raises:
        VmError: no JSON, no action, or larger or deeper than the limits above.
    """
    if len(raw) > JSON_SIZE_MAX:
        raise refusal(f"runner.json has {len(raw)} bytes, limit {JSON_SIZE_MAX}")
    try:
        text = raw.decode()
        _check_depth(text)
        value: Json = json.loads(
            text,
            object_pairs_hook=Pairs,
            parse_int=_nothing,
            parse_float=_nothing,
            parse_constant=_no_constant,
        )
    except ValueError as error:
        raise refusal(f"runner.json is no JSON: {error}") from error
    return _action(value)


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        depth += _STEPS.get(match[0], 0)
        if depth > DEPTH_MAX:
            raise ValueError(f"more than {DEPTH_MAX} levels")


def _nothing(_: str) -> None:
    return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _action(value: Json) -> Action:
    match value:
        case Pairs([(kind, payload)]) if kind in ACTIONS:
            return ACTIONS[kind](payload)
        case Pairs([(kind, _)]):
            raise refusal(f"runner.json: there is no action {shown(kind)} (one of {', '.join(ACTIONS)})")
        case Pairs(items):
            keys = shown(", ".join(key for key, _ in items))
            raise refusal(f"runner.json: an action has exactly one key, not {len(items)}: {keys}")
        case _:
            raise refusal("runner.json: an action is an object with one key")


def _record(value: Json, *names: str) -> list[Json]:
    """The fields of a record, in the order of `names`."""
    if isinstance(value, list):
        if len(value) != len(names):
            raise refusal(f"runner.json: {len(value)} fields, not {', '.join(names)}")
        return value
    if not isinstance(value, Pairs):
        raise refusal(f"runner.json: expected an object with {', '.join(names)}")
    found: dict[str, Json] = {}
    for key, field in value.items:
        if key in names and key in found:
            raise refusal(f"runner.json: the field {key} is there twice")
        found[key] = field
    missing = [name for name in names if name not in found]
    if missing:
        raise refusal(f"runner.json: the field {missing[0]} is missing")
    return [found[name] for name in names]


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise refusal("runner.json: expected a string")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise refusal(f"runner.json: half a surrogate pair in {shown(value)}")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise refusal("runner.json: expected an array")
    return value


def _mode(value: Json) -> Mode:
    if isinstance(value, str) and value in MODES:
        return MODES[value]
    raise refusal("runner.json: cond is det or nondet")


def _map_file(value: Json) -> Action:
    to, file = _record(value, "to", "file")
    return MapFile(_text(to), _text(file))


def _add_env(value: Json) -> Action:
    name, val = _record(value, "name", "val")
    return AddEnv(_text(name), _text(val))


def _when(value: Json) -> Action:
    cond, action = _record(value, "cond", "action")
    return When(_mode(cond), _action(action))


def _with(value: Json) -> Action:
    runner, action = _record(value, "runner", "action")
    return With(_text(runner), _action(action))


ACTIONS: Final[dict[str, Callable[[Json], Action]]] = {
    "MapFile": _map_file,
    "AddEnv": _add_env,
    "SetArgs": lambda value: SetArgs(tuple(map(_text, _list(value)))),
    "Depends": lambda value: Depends(_text(value)),
    "LinkWasm": lambda value: LinkWasm(_text(value)),
    "StartWasm": lambda value: StartWasm(_text(value)),
    "When": _when,
    "Seq": lambda value: Seq(tuple(map(_action, _list(value)))),
    "With": _with,
}
