"""What an executor asks of the LLM and web modules (spec/executor.md 1.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeGuard

from blake3 import blake3

from .. import calldata
from ..calldata import CalldataError, Value
from ..errors import EnvironmentProblem

LLM, WEB = "llm", "web"
ADDRESSES: Final = {LLM: "ws://127.0.0.1:3031", WEB: "ws://127.0.0.1:3032"}
"""Where they are unless told otherwise (spec/executor.md 1.4)."""
ASKS: Final = "genvm_replay"
"""Key of `host_data` in a hello under which our executor asks for more than the protocol has: a map with `attempts` and
`keep_raw`. Other modules see one more of the many keys that a node may put there."""
ATTEMPTS: Final = "attempts"  # key beside the verdict in a reply, if the hello asked for it
ATTEMPTS_MAX: Final = 100  # told of one request: the first ones
FACTS: Final = (bool, int, str, bytes)  # of an attempt, besides None
RAW: Final = "raw"  # key of an attempt: what the provider answered, bytes


@dataclass(frozen=True, slots=True)
class Said:
    """What a module answered.

    Attributes:
        reply: calldata, `{"Ok" | "UserError" | "FatalError": ...}`: what the executor goes on with.
        attempts: what the module tried for it, in order: flat maps of None, booleans, whole numbers, text and bytes.
            Bookkeeping: no guest sees it, no replay compares it.
    """

    reply: bytes
    attempts: tuple[Mapping[str, Value], ...] = ()


def hello_of(cookie: str, host_data: Mapping[str, Value], run_id: int | None = None) -> dict[str, Value]:
    """The first message of a connection, as every version of the modules reads it (spec/manager-modules.md 1.1).

    Args:
        cookie: names the run to the oldest modules.
        run_id: names it to the others, 0 ... 2^53 - 1; None: one that follows from the cookie.
    """
    if run_id is None:
        run_id = int.from_bytes(blake3(cookie.encode()).digest()[:6], "little")
    return {"cookie": cookie, "genvm_id": run_id, "host_data": host_data}


def asking_for_attempts(hello: Mapping[str, Value], *, keep_raw: bool) -> dict[str, Value]:
    """A hello that asks a module of ours to tell its attempts too.

    Args:
        keep_raw: with what the providers answered, as it came.
    """
    host_data = hello.get("host_data")
    known = host_data if isinstance(host_data, Mapping) else {}
    return {**hello, "host_data": {**known, ASKS: {"attempts": True, "keep_raw": keep_raw}}}


def split_attempts(reply: bytes, *, keep_raw: bool) -> Said:
    """A reply to a hello that asked for attempts, without them, and these.

    Args:
        keep_raw: what the hello asked for; else what providers answered is dropped.

    Raises:
        ValueError: there is something in their place that is none.
    """
    try:
        told = calldata.decode(reply)
    except CalldataError:
        return Said(reply)  # whoever reads it says so
    if not isinstance(told, Mapping) or ATTEMPTS not in told:
        return Said(reply)
    attempts = told[ATTEMPTS]
    if not _are_attempts(attempts):
        raise ValueError(f"its attempts are no list of at most {ATTEMPTS_MAX} flat maps")
    rest = {name: value for name, value in told.items() if name != ATTEMPTS}
    dropped = () if keep_raw else (RAW,)
    kept = ({name: fact for name, fact in one.items() if name not in dropped} for one in attempts)
    return Said(calldata.encode(rest), tuple(kept))


def _are_attempts(told: Value) -> TypeGuard[Sequence[Mapping[str, Value]]]:
    return isinstance(told, list) and len(told) <= ATTEMPTS_MAX and all(map(_is_flat, told))


def _is_flat(attempt: Value) -> bool:
    return isinstance(attempt, Mapping) and all(
        value is None or isinstance(value, FACTS) for value in attempt.values()
    )


class Modules(Protocol):
    """The modules of a node."""

    def call(self, module: str, message: bytes) -> Said:
        """Send one calldata message to a module and give what it answered.

        Raises:
            EnvironmentProblem: the module can't be reached, or broke the protocol.
        """
        ...


class NoModules:
    """A node without modules."""

    def call(self, module: str, message: bytes) -> Said:
        """Refuse."""
        raise EnvironmentProblem("there are no modules")
