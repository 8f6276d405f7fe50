"""Two libraries that also keep what happened, on SQLite: what storing the same events costs with them.

They come with the extra `bench`. Both get the events in the form they want (texts and numbers; bytes as hex digits)
before the clock starts, SQLite in WAL mode, and SQLite's default durability (synchronous FULL), which is ours too.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

MISSING = "not installed: pip install -e '.[bench]'"
Plain = list[tuple[list[Any], list[Any]]]


def plain_events(pairs: list[Any]) -> Plain:
    """The events as JSON values."""
    return [
        tuple(_plain(part) for part in msgspec.to_builtins(pair, builtin_types=(bytes,))) for pair in pairs
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def eventsourcing_rates(folder: Path, runs: list[Plain]) -> tuple[float, float] | None:
    """Events appended a second, an aggregate a run and a commit each, and events a second when they are rebuilt."""
    if find_spec("eventsourcing") is None:
        return None
    from eventsourcing.application import Application

    aggregate = _aggregate()
    application: Any = Application(
        env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "eventsourcing.db")}
    )
    total = sum(map(len, runs))
    begin = time.perf_counter()
    ids = []
    for events in runs:
        run = aggregate()
        for request, answer in events:
            run.host_called(request, answer)
        application.save(run)
        ids.append(run.id)
    appended = total / (time.perf_counter() - begin)
    begin = time.perf_counter()
    found = sum(len(application.repository.get(run_id).answers) for run_id in ids)
    rebuilt = total / (time.perf_counter() - begin)
    assert found == total
    application.close()
    return appended, rebuilt


@cache
def _aggregate() -> type[Any]:
    from eventsourcing.domain import Aggregate, event

    class Run(Aggregate):
        @event("Started")
        def __init__(self) -> None:
            self.answers: list[Any] = []

        @event("HostCalled")
        def host_called(self, request: list[Any], answer: list[Any]) -> None:
            self.answers.append(answer)

    return Run


def dbos_rate(folder: Path, events: Plain) -> float | None:
    """Steps recorded a second, all in one workflow: each step is a host call whose answer is kept."""
    if find_spec("dbos") is None:
        return None
    from dbos import DBOS

    path = folder / "dbos.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    logging.disable(logging.CRITICAL)
    try:
        DBOS(
            config={
                "name": "bench",
                "system_database_url": f"sqlite:///{path}",
                "log_level": "CRITICAL",
                "run_admin_server": False,
            }
        )

        @DBOS.step()
        def host_call(request: list[Any], answer: list[Any]) -> list[Any]:
            return answer

        @DBOS.workflow()
        def run() -> int:
            return sum(len(host_call(request, answer)) for request, answer in events)

        DBOS.launch()
        begin = time.perf_counter()
        assert run() == 2 * len(events)
        rate = len(events) / (time.perf_counter() - begin)
        DBOS.destroy()
    finally:
        logging.disable(logging.NOTSET)
    return rate
