"""Web requests and prompts: nondeterministic VMs only, answered by the modules (spec/executor.md 1.7, 4.2).

The result of a guest's request is a calldata map, `{"ok": ...}` or `{"error": ...}`. A module that fails fatally, or
breaks the protocol, ends the run with an internal error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .... import calldata
from ....calldata import CalldataError, Value
from ....host_bridge.modules import LLM, WEB
from ....journal.events import ConsumeFuel, ModuleCall, RemainingFuelAsGen
from ...guest import Guest
from ...stops import InternalFailure
from ..asking import ask
from ..errno import Errno
from .payload import (
    Refused,
    anything,
    duration,
    fields,
    flag,
    listed,
    mapped,
    optional,
    raw,
    record,
    small,
    text,
    word,
)

IMAGES_MAX: Final = 2
U16_MAX: Final = 2**16 - 1
U64_MAX: Final = 2**64 - 1
DOUBLE_MAX: Final = 2**53 - 1  # numbers of a user error go through doubles
METHODS: Final = ("GET", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH")
WEB_ANSWERS: Final[dict[str, Callable[[Value], Any]]] = {
    "text": text,
    "image": raw,
    "response": lambda value: fields(value, {"status": small(U16_MAX), "headers": mapped(raw), "body": raw}),
}
"""What the web module may say, and how it is read."""
TEMPLATES: Final[dict[str, tuple[tuple[str, ...], type]]] = {
    "EqComparative": (("leader_answer", "validator_answer", "principle"), bool),
    "EqNonComparativeLeader": (("task", "criteria", "input"), str),
    "EqNonComparativeValidator": (("task", "criteria", "input", "output"), bool),
}
"""Fields of each template, and what its answer must be."""


def web_render(guest: Guest, payload: Value) -> bytes | None:
    """Render a page."""
    readers = {"mode": word("text", "html", "screenshot"), "url": text, "wait_after_loaded": duration}
    got = record(payload, readers, {"wait_after_loaded": "0ms"})
    _need_nondet(guest)
    return _web(guest, {"Render": {**got, "wait_after_loaded": _milliseconds(got["wait_after_loaded"])}})


def web_request(guest: Guest, payload: Value) -> bytes | None:
    """Make an HTTP request."""
    readers = {
        "method": word(*METHODS),
        "url": text,
        "headers": mapped(raw),
        "body": optional(raw),
        "sign": flag,
    }
    got = record(payload, readers, {"body": None, "sign": False})
    _need_nondet(guest)
    return _web(guest, {"Request": got})


def exec_prompt(guest: Guest, payload: Value) -> bytes | None:
    """Ask a language model."""
    readers = {"prompt": text, "response_format": word("text", "json"), "images": listed(raw)}
    got = record(payload, readers, {"response_format": "text"})
    _need_nondet(guest)
    if len(got["images"]) > IMAGES_MAX:
        raise Refused
    return _llm(guest, "Prompt", got, (str, bool, Mapping))


def exec_prompt_template(guest: Guest, payload: Value) -> bytes | None:
    """Ask a language model by one of the fixed templates."""
    if not isinstance(payload, Mapping):
        raise Refused
    template = payload.get("template")
    if not isinstance(template, str) or template not in TEMPLATES:
        raise Refused
    names, wanted = TEMPLATES[template]
    got = record(payload, dict.fromkeys(names, text), {}, array=False)
    _need_nondet(guest)
    return _llm(guest, "PromptTemplate", {"template": template, **got}, wanted)


def _need_nondet(guest: Guest) -> None:
    if guest.rights.deterministic:
        raise Refused(Errno.FORBIDDEN)


def _milliseconds(text_: str) -> str:
    if text_.endswith("ms"):
        return f"{int(text_[:-2])}ms"
    return f"{int(text_[:-1]) * 1000}ms"


def _web(guest: Guest, message: Value) -> bytes:
    verdict, value = _call(guest, WEB, message)
    if verdict != "Ok":
        return calldata.encode({"error": value})
    try:
        _check_web_answer(value)
    except Refused as error:
        raise InternalFailure("the web module's answer is none of text, image and response") from error
    return calldata.encode({"ok": value})


def _check_web_answer(value: Value) -> None:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise Refused
    [(kind, content)] = value.items()
    if kind not in WEB_ANSWERS:
        raise Refused
    WEB_ANSWERS[kind](content)


def _llm(guest: Guest, kind: str, payload: dict[str, Value], wanted: type | tuple[type, ...]) -> bytes:
    fuel = ask(guest.effects, RemainingFuelAsGen())
    request: dict[str, Value] = {"payload": payload, "remaining_fuel_as_gen": fuel}
    verdict, value = _call(guest, LLM, {kind: request})
    if verdict != "Ok":
        return calldata.encode({"error": value})
    readers: dict[str, Callable[[Value], Any]] = {"data": anything, "consumed_gen": small(U64_MAX)}
    try:
        answer = fields(value, readers)
    except Refused as error:
        raise InternalFailure("the llm module's answer has not the fields data and consumed_gen") from error
    data: Value = answer["data"]
    if not isinstance(data, wanted):
        raise InternalFailure(f"the llm module answered with {type(data).__name__}")
    ask(guest.effects, ConsumeFuel(answer["consumed_gen"]))
    return calldata.encode({"ok": answer["data"]})


def _call(guest: Guest, module: str, message: Value) -> tuple[str, Value]:
    """One request to a module: `Ok` or `UserError`, and its value."""
    raw_answer = guest.effects.perform(ModuleCall(module, calldata.encode(message))).value
    try:
        answer = calldata.decode(raw_answer if isinstance(raw_answer, bytes) else b"")
    except CalldataError as error:
        raise InternalFailure(f"the {module} module's answer is no calldata: {error}") from error
    if isinstance(answer, Mapping) and len(answer) == 1:
        [(verdict, value)] = answer.items()
        if verdict == "Ok":
            return verdict, value
        if verdict == "UserError":
            _check_numbers(value, module)
            return verdict, value
        if verdict == "FatalError" and isinstance(value, str):
            raise InternalFailure(f"the {module} module failed: {value}")
    raise InternalFailure(f"the {module} module's answer is none of Ok, UserError and FatalError")


def _check_numbers(value: Value, module: str) -> None:
    """Check that every number of a user error has a double of its own (spec/executor.md 1.7)."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _check_numbers(item, module)
    elif isinstance(value, int) and abs(value) > DOUBLE_MAX:
        raise InternalFailure(f"the {module} module's user error holds a number beyond 2^53 - 1")
