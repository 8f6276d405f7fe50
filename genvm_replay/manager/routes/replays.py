"""Replay as a service: a recorded transaction, or an archive that somebody sends, executed again and compared."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ...errors import UsageError
from ..jobs import JobFailed
from ..operation import BINARY, BODY_SECONDS_MAX, JSON, operation, read_json
from ..parts import Manager
from ..refusals import Conflict, NotThere, TooLate, UnsupportedMedia
from .journal import RUNS_MAX, RunNumber, job

Word = Literal["identical", "different", "damaged", "not_checked"]
ARCHIVE: Final = "application/vnd.genvm-replay.archive"
UNREADABLE: Final = ("journal", "difference")  # kinds of error that are about the archive, not about us


class ReplayWanted(msgspec.Struct):
    """A transaction of the journal, by its id or its first digits; one run of it, or all."""

    tx: Annotated[str, Meta(pattern="^(0x)?[0-9a-fA-F]{4,64}$")]
    run: RunNumber | UnsetType = UNSET
    build: Literal["fast", "epoch", "fuel", "pulley"] | UnsetType = UNSET
    thorough: Annotated[
        bool, Meta(description="Search identical runs too for answers that can't have been given.")
    ] = False


class Replayed(msgspec.Struct, omit_defaults=True):
    """What came out, and of each run all that is known.

    `different`: a run does not do what was recorded. `damaged`: a record, or the archive, is not what was written.
    `not_checked`: a run could not be executed here; its `error` says why.
    """

    verdict: Word
    runs: list[dict[str, Any]]
    error: str | None = None


REPLAY_BODY: Final = {
    JSON: ReplayWanted,
    ARCHIVE: {"type": "string", "format": "binary", "description": "An archive, as `export` writes it."},
}


@operation("POST", "/replay", takes=REPLAY_BODY, refuses=(404, 408, 409, 415, 429, 504))
async def replay(manager: Manager, request: web.Request) -> Replayed:
    """Execute recorded runs again and compare every request, the result, storage and memory.

    The body is JSON that names a transaction of the journal, or an archive file, which is not kept."""
    if not request.body_exists:
        raise UsageError("body: it is missing")
    if request.content_type in (ARCHIVE, BINARY):
        return await _replay_upload(manager, request)
    if request.content_type != JSON:
        raise UnsupportedMedia(f"{request.content_type}: send {JSON}, or an archive as {ARCHIVE}")
    return await _replay_recorded(manager, await read_json(request, ReplayWanted))


async def _replay_recorded(manager: Manager, wanted: ReplayWanted) -> Replayed:
    try:
        found = await manager.journal.read(
            lambda store: [run.id for run in store.find_runs(wanted.tx, limit=RUNS_MAX)]
        )
    except UsageError as error:
        raise Conflict(str(error)) from error
    if not found or (wanted.run is not UNSET and wanted.run not in found):
        which = "" if wanted.run is UNSET else f", run {wanted.run}"
        raise NotThere(f"there is no transaction {wanted.tx}{which} in the journal")
    command = "report" if wanted.thorough else "replay"
    words = [command, wanted.tx]
    words += [] if wanted.run is UNSET else ["--run", str(wanted.run)]
    words += [] if wanted.build is UNSET or wanted.thorough else ["--build", wanted.build]
    return judged(await job(manager, *words))


async def _replay_upload(manager: Manager, request: web.Request) -> Replayed:
    with tempfile.TemporaryDirectory(prefix="genvm-replay-") as name:
        folder = Path(name)
        archive, journal = folder / "archive", str(folder / "journal.db")
        await _save(request, archive)
        try:
            await manager.jobs.run("import", str(archive), database=journal)
            return judged(await manager.jobs.run("replay", "--all", database=journal))
        except JobFailed as failed:
            if failed.kind in UNREADABLE:
                return Replayed("damaged", [], error=str(failed).replace(str(archive), "the archive"))
            raise Conflict(str(failed)) from failed


def judged(runs: list[dict[str, Any]]) -> Replayed:
    """One word for all runs: the worst."""
    if not runs:
        return Replayed("damaged", [], error="the archive holds no run")
    words = [_word(run) for run in runs]
    ranks: tuple[Word, ...] = ("damaged", "different", "not_checked", "identical")
    return Replayed(next(word for word in ranks if word in words), runs)


def _word(run: dict[str, Any]) -> Word:
    if run["identical"] is None:
        return "not_checked"
    if run["identical"]:
        return "identical"
    return "damaged" if run.get("damaged") else "different"


async def _save(request: web.Request, file: Path) -> None:
    """Write the body to a file, as it arrives.

    Raises:
        web.HTTPRequestEntityTooLarge: more than the service takes. TooLate: it did not arrive in time.
    """
    limit, size = request.client_max_size, 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            with file.open("wb") as out:
                async for part in request.content.iter_chunked(1 << 16):
                    size += len(part)
                    if size > limit:
                        raise web.HTTPRequestEntityTooLarge(limit, size)
                    out.write(part)
    except TimeoutError as error:
        raise TooLate(f"the archive did not arrive within {BODY_SECONDS_MAX:.0f} s") from error


OPERATIONS = (replay,)
