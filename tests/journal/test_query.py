"""Searching, the views, and looking after a database: the same on SQLite and Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy.dialects import sqlite

from genvm_replay import calldata
from genvm_replay.journal import amendments, maintenance
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeResult,
    Event,
    GetCalldata,
    ModuleCall,
    StorageWrite,
)
from genvm_replay.journal.query import RunFilter, matching, search
from tests.postgres import PostgresServer

from .samples import CONTRACT, FOOTER, HEADER, each_kind, raw, record

OTHER = b"\x01" * 20
SLOT = b"\x07" * 32
SAID = calldata.encode({"Ok": "the model's answer, which is long"})
FRAMES = {"frames": [], "module_instances": {}}
FAILED = b"\x01" + calldata.encode({"fingerprint": FRAMES, "message": "100% wrong"})


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseStore]:
    """Five runs: three of one contract, two of another; the last of each failed."""
    if request.param == "sqlite":
        url = str(tmp_path / "journal.db")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_journal()
    with open_database(url) as store:
        rows = [
            (CONTRACT, "get", 1),
            (CONTRACT, "put", 2),
            (CONTRACT, "put", 3),
            (OTHER, "get", 4),
            (OTHER, "get", 5),
        ]
        for contract, method, day in rows:
            store.commit(run(contract, method, day, failed=day in (3, 5)))
        yield store


def run(contract: bytes, method: str, day: int, *, failed: bool) -> Any:
    message = msgspec.structs.replace(
        HEADER.message, contract_address=contract, datetime=f"2026-01-{day:02}T00:00:00Z"
    )
    content = [
        Event(GetCalldata(), Answer(0, calldata.encode({"method": method}))),
        Event(StorageWrite(SLOT, 0, b"x" * day), OK),
        Event(ModuleCall("llm", b"prompt"), Answer(0, SAID)),
    ]
    footer = FOOTER
    if failed:
        footer = msgspec.structs.replace(FOOTER, kind="user_error", payload=b"100% wrong")
        content.append(Event(ConsumeResult(FAILED), OK))
    return record({"main": content}, header=msgspec.structs.replace(HEADER, message=message), footer=footer)


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [5, 4, 3, 2, 1]),
    ({"contract": CONTRACT}, [3, 2, 1]),
    ({"contract": CONTRACT, "method": "put"}, [3, 2]),
    ({"method": "get"}, [5, 4, 1]),
    ({"result": "user_error"}, [5, 3]),
    ({"error": "% w"}, [5, 3]),
    ({"error": "%"}, [5, 3]),
    ({"error": "_"}, []),
    ({"role": "validator"}, []),
    ({"sender": HEADER.message.sender_address}, [5, 4, 3, 2, 1]),
    ({"sender": OTHER}, []),
    ({"since": "2026-01-02T00:00:00.000000Z", "until": "2026-01-04T00:00:00.000000Z"}, [3, 2]),
    ({"before": 3}, [2, 1]),
    ({"before": 5, "result": "user_error"}, [3]),
]


def test_filters(store: DatabaseStore) -> None:
    """Conditions add up; a text is searched as it is, not as a pattern."""
    for wanted, ids in FILTERS:
        rows, following = search(store.database, "runs", RunFilter(**wanted), 50)
        assert ([row["run"] for row in rows], following) == (ids, None), wanted
    [failed, _] = search(store.database, "runs", RunFilter(result="user_error"), 50)[0]
    assert failed["error"] == "100% wrong"
    assert failed["time"] == "2026-01-05T00:00:00.000000Z"
    assert failed["contract"] == "0x" + OTHER.hex()
    digest = bytes.fromhex(failed["fingerprint"].removeprefix("0x"))
    assert [row["run"] for row in search(store.database, "runs", RunFilter(fingerprint=digest), 50)[0]] == [
        5,
        3,
    ]


def test_pages(store: DatabaseStore) -> None:
    """Each run once, however the pages fall; the last page says that it is."""
    seen: list[int] = []
    before = None
    for _ in range(3):
        rows, before = search(store.database, "storage", RunFilter(before=before), 2)
        seen += [row["run"] for row in rows]
    assert (seen, before) == ([5, 4, 3, 2, 1], None)


def test_what_runs_did(store: DatabaseStore) -> None:
    """Slots, answers and segments, with what finds them in the journal."""
    [written] = search(store.database, "storage", RunFilter(before=4), 1)[0]
    assert (written["run"], written["slot"], written["writes"], written["bytes_written"]) == (
        3,
        "0x" + SLOT.hex(),
        1,
        3,
    )
    assert written["kept"] == 0
    [said] = search(store.database, "answers", RunFilter(contract=OTHER), 1)[0]
    assert (said["source"], said["line"], said["seq"]) == ("llm", "main", 2)
    assert said["text"] == "the model's answer, which is long"
    [segment] = search(store.database, "events", RunFilter(before=2), 1)[0]
    assert (segment["line"], segment["first_seq"], segment["last_seq"], segment["events"]) == (
        "main",
        0,
        2,
        3,
    )
    totals = store.database.fetch_plain(
        "SELECT contract, method, result, runs, events FROM contracts_view ORDER BY 1 DESC, 2, 3"
    )
    assert [tuple(row)[1:] for row in totals] == [
        ("get", "return", 1, 3),
        ("put", "return", 1, 3),
        ("put", "user_error", 1, 4),
        ("get", "return", 1, 3),
        ("get", "user_error", 1, 4),
    ]


def test_a_redacted_answer_is_not_searched(store: DatabaseStore) -> None:
    """Its text goes with the payload; where it was stays known."""
    [said, *_] = search(store.database, "answers", RunFilter(), 1)[0]
    amendments.redact(store.database, [bytes.fromhex(said["hash"].removeprefix("0x"))], "asked to")
    rows = search(store.database, "answers", RunFilter(), 50)[0]
    assert [row["text"] for row in rows] == [None] * 5
    assert {row["hash"] for row in rows} == {said["hash"]}
    assert maintenance.check(store.database) == []


def test_looking_after_a_database(store: DatabaseStore) -> None:
    """A sound one has no findings; counts are those of the runs; nothing is lost by a vacuum."""
    store.commit(record({"main": each_kind()}))
    assert maintenance.check(store.database) == []
    told = maintenance.stats(store.database)
    assert (told["runs"], told["interrupted"], told["runs_without_facts"]) == (6, 0, 0)
    assert told["events"] == sum(run.event_count for run in store.list_runs())
    before, after = maintenance.vacuum(store.database)
    assert 0 < after <= before + (1 << 20)
    for summary in store.list_runs():
        store.verify_run(summary.id)


def test_what_is_missing_is_found(store: DatabaseStore) -> None:
    """A payload that a run needs, a payload that no run needs."""
    with store.database.writing() as connection:
        statement = f"UPDATE blobs SET hash = {store.database.placeholder} WHERE size = {len(SAID)}"
        connection.exec_driver_sql(statement, (bytes(32),))
    found = maintenance.check(store.database)
    assert "run 1 refers to a payload that is not there" in found
    assert any("belongs to no run" in text for text in found)


PLANS: list[tuple[dict[str, Any], str]] = [
    ({"contract": CONTRACT}, "ix_runs_contract"),
    ({"method": "get"}, "ix_runs_method"),
    ({"result": "return"}, "ix_runs_kind"),
    ({"before": 5}, "PRIMARY KEY"),
    ({"fingerprint": bytes(32)}, "ix_run_facts_fingerprint"),
]


def test_searches_use_an_index(tmp_path: Path) -> None:
    """No scan and no sort for a page of a contract, a method, a result."""
    path = tmp_path / "journal.db"
    with open_database(path) as store, raw(path) as connection:
        for wanted, index in PLANS:
            query = matching(store.database, "runs", RunFilter(**wanted)).limit(50)
            compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
            values = [compiled.params[name] for name in compiled.positiontup or ()]
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled}", values))
            assert index in plan, (wanted, plan)
            assert "SCAN" not in plan, (wanted, plan)
            if "fingerprint" not in wanted:
                assert "B-TREE" not in plan, (wanted, plan)
