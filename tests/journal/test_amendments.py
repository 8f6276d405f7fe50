"""After the commit: signatures are added, payloads removed, and neither changes what a run is known by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from genvm_replay.errors import EnvironmentProblem, JournalDamaged, PayloadRedacted, UnknownEvent, UsageError
from genvm_replay.journal import amendments
from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import OK, Answer, Event, ModuleCall, ReadClock, WriteStream
from genvm_replay.journal.proof import check_proof
from genvm_replay.journal.store import Store

from .keys import PUBLIC, signed
from .samples import many_events, raw, record

PROMPT, ANSWER = b"prompt with a name in it" * 2, b"an answer with a name in it"
ASKED = Event(ModuleCall("llm", PROMPT), Answer(0, ANSWER))
CONTENT = [*many_events(40), ASKED, *many_events(1200), ASKED]
AT = 40
DIGEST = blake3(ANSWER).digest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with open_database(path) as store:
        yield store


def test_a_redacted_run_keeps_its_root_and_proofs(path: Path, store: Store) -> None:
    """The bytes are gone from the file; `verify` passes and says what was removed, and where."""
    finished = record({"main": CONTENT})
    run_id = store.commit(finished)
    assert amendments.redact(store.database, [DIGEST], "a person asked") == [run_id]
    run = store.load_run(run_id)
    places = [(gone.line, gone.seq, gone.field, gone.digest) for gone in run.verify()]
    assert places == [
        ("main", AT, "answer.value", DIGEST),
        ("main", len(CONTENT) - 1, "answer.value", DIGEST),
    ]
    assert run.root == finished.root
    proven = check_proof(run.prove("main", AT))
    assert (proven.root, proven.event, proven.missing[0].digest) == (finished.root, None, DIGEST)
    store.close()
    assert all(ANSWER not in file.read_bytes() for file in path.parent.iterdir())
    with raw(path) as connection:
        assert connection.execute("SELECT reason FROM redactions").fetchall() == [("a person asked",)]


def test_readers_of_a_redacted_run(store: Store) -> None:
    """A stream ends at the event, a single event is refused, and a listing shows the reason in its place."""
    run_id = store.commit(record({"main": CONTENT}))
    amendments.redact(store.database, [DIGEST], "")
    run = store.load_run(run_id)
    stream = run.read_line("main")
    for event in CONTENT[:AT]:
        assert next(stream) == event
    with pytest.raises(
        PayloadRedacted, match=rf"main\[{AT}\]: answer.value was redacted; its BLAKE3 is {DIGEST.hex()}"
    ):
        next(stream)
    with pytest.raises(PayloadRedacted, match=r"main\[1241\]"):
        run.event("main", 1241)
    assert run.event("main", AT + 1) == CONTENT[AT + 1]
    shown = list(run.read_shown("main"))
    assert [item for item in shown if isinstance(item, Event)] == [e for e in CONTENT if e != ASKED]
    assert [item.seq for item in shown if isinstance(item, PayloadRedacted)] == [AT, 1241]
    with pytest.raises(PayloadRedacted):
        run.payload(DIGEST)


def test_a_payload_goes_from_every_run(store: Store) -> None:
    """It is stored once; both runs are named, and recording it again brings it back."""
    ids = [
        store.commit(record({"main": [ASKED]})),
        store.commit(record({"main": [Event(ReadClock(0), OK), ASKED]})),
    ]
    assert amendments.redact(store.database, [DIGEST], "") == ids
    assert [len(store.verify_run(run_id)) for run_id in ids] == [1, 1]
    store.commit(record({"main": [ASKED]}))
    assert [store.verify_run(run_id) for run_id in ids] == [(), ()]


def test_only_payloads_of_runs_can_go(store: Store) -> None:
    """All or nothing."""
    run_id = store.commit(record({"main": [ASKED]}))
    with pytest.raises(UsageError, match="no run has a payload 0000"):
        amendments.redact(store.database, [DIGEST, bytes(32)], "")
    assert store.verify_run(run_id) == ()


def test_a_deleted_payload_is_damage(path: Path, store: Store) -> None:
    """Without a mark it is missing, with a mark for another one too."""
    run_id = store.commit(record({"main": [ASKED]}))
    with raw(path) as connection:
        connection.execute("DELETE FROM blobs WHERE hash = ?", (DIGEST,))
        connection.execute("INSERT INTO redactions VALUES (?, '', '')", (bytes(32),))
    with pytest.raises(JournalDamaged, match=r"main\[0\]: answer.value"):
        store.verify_run(run_id)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM payload_references WHERE hash = ?", "recorded '.*', now None"),
        ("UPDATE payload_references SET hash = zeroblob(32) WHERE hash = ?", "recorded '.*', now None"),
        (
            "INSERT INTO payload_references SELECT run_id, zeroblob(32) FROM payload_references WHERE hash = ?",
            "None, now '000",
        ),
    ],
)
def test_references_are_checked(path: Path, store: Store, statement: str, message: str) -> None:
    """What a run refers to is what its events name, no more and no less."""
    run_id = store.commit(record({"main": [ASKED]}))
    with raw(path) as connection:
        connection.execute(statement, (DIGEST,))
    with pytest.raises(
        JournalDamaged, match=f"footer: reference: {message}|footer: reference: recorded {message}"
    ):
        store.verify_run(run_id)


def test_unreferenced_payloads(path: Path, store: Store) -> None:
    """A payload that no run names is found."""
    store.commit(record({"main": [ASKED, Event(WriteStream(1, b"x" * 5000), OK)]}))
    assert amendments.unreferenced(store.database) == []
    with raw(path) as connection:
        connection.execute("INSERT INTO blobs (hash, size, data) VALUES (zeroblob(32), 1, x'00')")
    assert amendments.unreferenced(store.database) == [bytes(32)]


def test_signatures_are_verified(path: Path, store: Store) -> None:
    """One that fits passes, also twice; a changed one is damage."""
    run_id = store.commit(record({"main": [ASKED]}))
    root = store.load_run(run_id).root
    for _ in range(2):
        amendments.add_signature(store.database, run_id, *signed(root))
    store.verify_run(run_id)
    assert check_proof(store.load_run(run_id).prove("main", 0)).signers == (PUBLIC,)
    with raw(path) as connection:
        connection.execute("UPDATE signatures SET signature = zeroblob(64)")
    with pytest.raises(JournalDamaged, match="signature"):
        store.verify_run(run_id)


def test_no_amendment_where_nothing_may_be_written(path: Path, store: Store) -> None:
    """A journal that is open for reading stays as it is."""
    run_id = store.commit(record({"main": [ASKED]}))
    with open_database(path, read_only=True) as reader:
        for attempt in (
            lambda: amendments.redact(reader.database, [DIGEST], ""),
            lambda: amendments.add_signature(reader.database, run_id, *signed(bytes(32))),
        ):
            with pytest.raises(EnvironmentProblem, match="reading only"):
                attempt()
    store.verify_run(run_id)


def test_a_newer_events_release_is_named(path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of an unknown version says which release recorded it, and so can read it."""
    from genvm_replay.journal import events
    from genvm_replay.journal import record as coding

    class ReadClockLater(events.Request, tag="read_clock/2", frozen=True, array_like=True, gc=False):
        clock_id: int
        resolution_ns: int

    run_id = store.commit(record({"main": [Event(ReadClockLater(0, 1), OK)]}))  # type: ignore[arg-type]
    with raw(path) as connection:
        connection.execute("UPDATE runs SET release = '7.1.0'")
    assert coding.BY_KIND.get("read_clock/2") is None
    run = store.load_run(run_id)
    for attempt in (run.verify, lambda: list(run.read_line("main")), lambda: run.event("main", 0)):
        with pytest.raises(
            UnknownEvent, match=r"'read_clock/2' was written by genvm-replay 7\.1\.0; use that release"
        ):
            attempt()
