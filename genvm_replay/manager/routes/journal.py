"""The journal: recorded runs, their events, two of them compared, the report on one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ...errors import PayloadRedacted, UsageError
from ...executor.moment import parse_datetime
from ..jobs import JobFailed
from ..operation import JSON, answer, operation
from ..parts import Manager
from ..refusals import Conflict, NotThere
from ..times import Moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ...journal.database_store import DatabaseStore
    from ...journal.source import RunSummary
    from ...journal.stored import StoredRun

    Found = TypeVar("Found")

RUNS_MAX = 500
EVENTS_MAX = 1000
HTML = "text/html"
RunNumber = Annotated[int, Meta(ge=1, le=(1 << 31) - 1)]
Hex = Annotated[str, Meta(pattern="^(0x)?[0-9a-fA-F]{64}$")]
AccountAddress = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
NO_NUL = "^[^\\x00]*$"  # Postgres takes none in a text
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # of a page that needs nothing else


class RunsWanted(msgspec.Struct):
    """Which runs; conditions add up."""

    limit: Annotated[int, Meta(ge=1, le=RUNS_MAX)] = 50
    before: (
        Annotated[RunNumber, Meta(description="Only runs before this one: the next page.")] | UnsetType
    ) = UNSET
    contract: AccountAddress | UnsetType = UNSET
    sender: AccountAddress | UnsetType = UNSET
    method: Annotated[str, Meta(pattern=NO_NUL, max_length=1024)] | UnsetType = UNSET
    error: (
        Annotated[str, Meta(pattern=NO_NUL, max_length=1024, description="A part of the message.")]
        | UnsetType
    ) = UNSET
    result: Literal["return", "user_error", "vm_error", "internal_error"] | UnsetType = UNSET
    role: Literal["leader", "validator", "sync", "appeal", "replay"] | UnsetType = UNSET
    fingerprint: Hex | UnsetType = UNSET
    since: Moment | UnsetType = UNSET  # of the transaction's time
    until: Moment | UnsetType = UNSET


class RunsFound(msgspec.Struct):
    """A page, newest run first; `next` is the `before` of the next page."""

    runs: list[dict[str, Any]]
    next: int | None


class JournalRun(msgspec.Struct):
    """Which run of the journal."""

    run: RunNumber


class EventsWanted(msgspec.Struct):
    """Which events of a run."""

    line: Annotated[str, Meta(max_length=256, description="The line; `main` is the main VM's.")] = "main"
    first: Annotated[int, Meta(ge=0, le=(1 << 53) - 1)] = msgspec.field(name="from", default=0)
    limit: Annotated[int, Meta(ge=1, le=EVENTS_MAX)] = 100


class EventsFound(msgspec.Struct):
    """A page of a line's events; `next` is the `from` of the next page."""

    run: int
    line: str
    lines: list[str]
    count: int
    events: list[dict[str, Any]]
    next: int | None


class DiffWanted(msgspec.Struct):
    """Two runs of the journal."""

    a: RunNumber
    b: RunNumber
    every: Annotated[bool, Meta(description="All differences of the events, not only the first a line.")] = (
        msgspec.field(name="all", default=False)
    )


class Differences(msgspec.Struct):
    """Where two runs differ; what may differ between equal runs stands in `bookkeeping`."""

    same: bool
    differences: list[dict[str, Any]]
    bookkeeping: list[dict[str, Any]]


@operation("GET", "/journal/runs", refuses=(429, 504))
async def find_journal_runs(manager: Manager, query: RunsWanted) -> RunsFound:
    """Find recorded runs."""
    from ...journal.query import search

    words = {name: value for name, value in msgspec.structs.asdict(query).items() if value is not UNSET}
    limit = words.pop("limit")
    for name in {"since", "until"} & words.keys():
        parse_datetime(words[name])
    names = [name for name in RunsWanted.__struct_fields__ if name != "limit"]
    wanted = manager.views.run_filter(**{name: words.get(name) for name in names})
    rows, following = await manager.journal.read(lambda store: search(store.database, "runs", wanted, limit))
    return RunsFound(rows, following)


@operation("GET", "/journal/runs/{run}", refuses=(429, 504))
async def read_journal_run(manager: Manager, path: JournalRun) -> dict[str, Any]:
    """A recorded run: what it was given, its result, what it sent, what it stood on."""
    return await _of_run(manager, path.run, manager.views.run)


@operation("GET", "/journal/runs/{run}/events", refuses=(429, 504))
async def read_events(manager: Manager, path: JournalRun, query: EventsWanted) -> EventsFound:
    """What a run asked, and the answers: a page of a line's events."""

    def read(_summary: RunSummary, run: StoredRun) -> EventsFound:
        counts = {line.name: line.count for line in run.lines()}
        count = counts.get(query.line)
        if count is None:
            raise NotThere(f"run {path.run} has no line {query.line!r}")
        end = min(query.first + query.limit, count)
        events = [_event(manager, run, query.line, seq) for seq in range(query.first, end)]
        return EventsFound(path.run, query.line, list(counts), count, events, end if end < count else None)

    return await _of_run(manager, path.run, read)


@operation("GET", "/journal/diff", refuses=(404, 409, 429, 504))
async def compare_runs(manager: Manager, query: DiffWanted) -> Differences:
    """Compare two recorded runs, level by level."""
    first, second = [await transaction_of(manager, number) for number in (query.a, query.b)]
    words = [first, second, "--run-a", str(query.a), "--run-b", str(query.b)]
    [found] = await job(manager, "diff", *words, *(["--all"] if query.every else []))
    return msgspec.convert(found, Differences)


@operation(
    "GET",
    "/journal/runs/{run}/report",
    gives={HTML: {"type": "string"}, JSON: {"type": "object"}},
    refuses=(404, 409, 429, 504),
)
async def read_report(manager: Manager, path: JournalRun, request: web.Request) -> web.StreamResponse:
    """Re-execute a run and report: where and why it differs. HTML, or JSON where `Accept` names only that."""
    words = [await transaction_of(manager, path.run), "--run", str(path.run)]
    accepted = request.headers.get("Accept", "")
    if JSON in accepted and HTML not in accepted:
        return answer((await job(manager, "report", *words))[0])
    with tempfile.TemporaryDirectory(prefix="genvm-replay-") as folder:
        file = Path(folder) / "report.html"
        await job(manager, "report", *words, "--html", str(file))
        page = file.read_bytes()
    return web.Response(
        body=page, content_type=HTML, charset="utf-8", headers={"Content-Security-Policy": POLICY}
    )


async def transaction_of(manager: Manager, number: int) -> str:
    """The transaction of a run, in hex.

    Raises:
        NotThere: there is no such run.
    """
    found = await manager.journal.read(lambda store: store.find_runs(before=number + 1, limit=1))
    if not found or found[0].id != number:
        raise no_such_run(number)
    return found[0].tx.hex()


def no_such_run(number: int) -> NotThere:
    """The error for a run that is not there."""
    return NotThere(f"there is no run {number} in the journal")


async def job(manager: Manager, *words: str) -> list[dict[str, Any]]:
    """A job on the journal.

    Raises:
        Conflict: it can't be done with what is stored.
    """
    try:
        return await manager.jobs.run(*words, database=manager.journal.url)
    except JobFailed as failed:
        raise Conflict(str(failed)) from failed


async def _of_run(manager: Manager, number: int, ask: Callable[[RunSummary, StoredRun], Found]) -> Found:
    from ...journal.store import at_one_moment

    def read(store: DatabaseStore) -> Found:
        try:
            run = store.load_run(number)
        except UsageError as error:
            raise no_such_run(number) from error
        assert run.summary is not None
        with at_one_moment(store, run.summary):
            return ask(run.summary, store.load_run(number))

    return await manager.journal.read(read)


def _event(manager: Manager, run: StoredRun, line: str, seq: int) -> dict[str, Any]:
    try:
        return manager.views.event(line, seq, run.event(line, seq))
    except PayloadRedacted as gone:
        return {"line": line, "seq": seq, "redacted": {"field": gone.field, "blake3": gone.digest.hex()}}


OPERATIONS = (find_journal_runs, read_journal_run, read_events, compare_runs, read_report)
