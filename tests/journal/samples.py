"""Sample runs and events for the tests of the journal, made from the types, so that a new event kind is covered too."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_type_hints

from hypothesis import strategies as st

from genvm_replay.journal.events import BY_KIND, Answer, Event, Request
from genvm_replay.journal.payloads import PRIVATE_BYTES_MIN
from genvm_replay.journal.record import PRIVATE
from genvm_replay.journal.recorder import FinishedRun, RunRecorder
from genvm_replay.journal.run import Limits, Message, Pins, RunFooter, RunHeader

TX = bytes(range(32))
CONTRACT = b"\xc0" * 20
HEADER = RunHeader(
    tx=TX,
    role="leader",
    parent=None,
    message=Message(
        contract_address=CONTRACT,
        sender_address=b"\x5e" * 20,
        origin_address=b"\x0e" * 20,
        chain_id="61999",
        value=7,
        is_init=False,
        datetime="2025-01-02T03:04:05Z",
    ),
    permissions="rwscn",
    pins=Pins(runtime="aa", code_module="bb", sdk="cc", engine="wasmtime 49.0.0"),
    limits=Limits(memory_bytes=1 << 32, fuel=None, deadline_ms=60_000),
)
FOOTER = RunFooter(
    kind="return",
    payload=b"\x00",
    code_hash=b"\x11" * 32,
    image="sdk",
    storage_hash=b"\x22" * 32,
    memory_hash=None,
    interrupted=False,
    runners=("py-genlayer:abc stand-in",),
)

ints = st.integers(min_value=-(2**63), max_value=2**64 - 1)
blobs = st.one_of(
    st.binary(max_size=64),
    st.integers(4090, 4100).map(lambda size: random.Random(size).randbytes(size)),
    st.just(bytes(20_000)),
)
_BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    int: ints,
    bytes: blobs,
    str: st.one_of(st.text(max_size=40), st.just("long " * 2000)),
    bool: st.booleans(),
    tuple[bytes, ...]: st.lists(st.binary(max_size=40), max_size=4).map(tuple),
    tuple[int, ...]: st.lists(ints, max_size=6).map(tuple),
}
_EXAMPLES: dict[Any, list[Any]] = {
    int: [0, 1, 2**32 - 1],
    bytes: [b"", b"\x01\x02", b"\xff" * 40],
    str: ["", "naïve", "a longer text"],
    bool: [False, True, False],
    tuple[bytes, ...]: [(), (b"\x01" * 32,), (b"\x02" * 32, b"\x03")],
    tuple[int, ...]: [(), (1, 2), (2**63, 0, 5)],
}
ANSWERS = [Answer(), Answer(3, b"value"), Answer(0, 1_700_000_000_000_000_000)]


def requests() -> st.SearchStrategy[Request]:
    """Any request of any kind."""
    return st.one_of(
        *(
            st.builds(kind, **{name: _BY_TYPE[hint] for name, hint in field_types(kind).items()})
            for kind in BY_KIND.values()
        )
    )


def events() -> st.SearchStrategy[Event]:
    """Any event."""
    values = st.one_of(st.none(), ints, blobs)
    return st.builds(Event, requests(), st.builds(Answer, ints, values))


def field_types(kind: type[Request]) -> dict[str, Any]:
    """Types of the fields of a request, in order."""
    hints = get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


def example(kind: type[Request], variant: int) -> Event:
    """A fixed event of a kind; three variants, no two alike where the kind has fields."""
    fields = {name: _EXAMPLES[hint][variant % 3] for name, hint in field_types(kind).items()}
    if kind in PRIVATE:  # short enough to stay in the event
        fields = {n: v[: PRIVATE_BYTES_MIN - 1] if isinstance(v, bytes) else v for n, v in fields.items()}
    return Event(kind(**fields), ANSWERS[variant % 3])


def each_kind() -> list[Event]:
    """Three events of each kind, no two neighbours equal."""
    return [example(kind, variant) for variant in range(3) for kind in BY_KIND.values()]


def changed(value: Any) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int():
            return value ^ 1
        case str():
            return value + "!"
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:] if value else b"!"
        case tuple() | list():
            return type(value)([*value[:-1], changed(value[-1])] if value else [1])
        case None:
            return 1
    raise TypeError(type(value))


def record(
    lines: dict[str, list[Event]], header: RunHeader = HEADER, footer: RunFooter = FOOTER
) -> FinishedRun:
    """A finished run of these lines."""
    recorder = RunRecorder(header)
    for name, content in lines.items():
        line = recorder.line(name)
        for event in content:
            line.append(event.request, event.answer)
    return recorder.finish(footer)


def many_events(count: int, seed: int = 1) -> list[Event]:
    """Distinct events of all kinds, always the same for the same seed."""
    rng = random.Random(seed)
    kinds = list(BY_KIND.values())
    return [Event(example(rng.choice(kinds), i).request, Answer(0, i)) for i in range(count)]


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The database as another program sees it; each statement is committed."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()
