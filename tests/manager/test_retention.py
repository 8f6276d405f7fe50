"""Results that nobody acknowledges: kept over a restart, within bounds of number, size and age."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem, JournalError
from genvm_replay.manager.results import Finished, Results, RunStatus
from genvm_replay.manager.retention import Retention

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def accepted(run_id: int, key: str | None = None) -> RunStatus:
    return RunStatus(run_id, "v0.2.0", NOW, None, None, None, "ab" * 32, key)


def over(
    run_id: int, *, key: str | None = None, text: str = "", age_s: float = 0, said: str = "\0"
) -> RunStatus:
    finished = Finished(NOW - timedelta(seconds=age_s), "exited", 0, stdout=text, genvm_log=[{"a": said}])
    return RunStatus(run_id, "v0.2.0", NOW, NOW, NOW, finished, "ab" * 32, key)


async def stored(results: Results, *runs: RunStatus) -> None:
    for run in runs:
        await results.accept(accepted(run.run_id, run.idempotency_key))
        await results.finish(run, None)


@pytest.mark.parametrize(
    "bounds", [{"count_max": 2}, {"bytes_max": 3000}, {"age_s": 3600.0}], ids=["number", "size", "age"]
)
def test_the_oldest_goes_first(tmp_path: Path, bounds: dict) -> None:
    """From memory and from the journal; its key is free again."""

    async def scene() -> None:
        path = str(tmp_path / "journal.db")
        results = Results(path)
        assert await results.start() == ([], 0)
        runs = [
            over(1, key="k", text="x" * 1000, age_s=9000),
            over(2, text="y" * 1000),
            over(3, text="\0z\ud800"),
        ]
        await stored(results, *runs)
        retention = Retention(results, clock=lambda: NOW, **bounds)
        retention.start(runs)
        assert [run.run_id for run in retention.all()] == [2, 3]
        assert (retention.get(1), retention.by_key("k")) == (None, None)
        await retention.close()
        await results.close()
        results = Results(path)
        known, last_id = await results.start()
        assert [run.run_id for run in known] == [2, 3]
        assert known[1].finished.stdout == "\0z?"  # type: ignore[union-attr]
        assert known[1].finished.genvm_log == [{"a": "\0"}]  # type: ignore[union-attr]
        await results.forget([3])
        await results.close()
        results = Results(path)
        assert (await results.start())[1] == last_id == 3
        await results.close()

    asyncio.run(scene())


def test_one_bad_record_fails_alone(tmp_path: Path) -> None:
    """What shares its transaction is written all the same."""

    async def scene() -> None:
        results = Results(str(tmp_path / "journal.db"))
        await results.start()
        good = [over(number) for number in range(1, 6)]
        tasks = [stored(results, run) for run in good[:3]]
        twice = [results.accept(accepted(9)), results.accept(accepted(9))]
        *_, first, second = await asyncio.gather(*tasks, *twice, return_exceptions=True)
        assert first is None
        assert isinstance(second, Exception)
        with pytest.raises(JournalError):
            await results.finish(over(9), b"no record")
        await results.close()
        results = Results(str(tmp_path / "journal.db"))
        known, _ = await results.start()
        assert {run.run_id: run.finished.cause for run in known} == {  # type: ignore[union-attr]
            1: "exited",
            2: "exited",
            3: "exited",
            9: "lost",
        }
        await results.close()

    asyncio.run(scene())


def test_the_log_counts_as_output(tmp_path: Path) -> None:
    """Few lines, each of them long."""

    async def scene() -> None:
        async with Written(tmp_path) as results:
            runs = [over(number, said="x" * 2000) for number in (1, 2)]
            await stored(results, *runs)
            retention = Retention(results, bytes_max=4000, clock=lambda: NOW)
            retention.start(runs)
            assert [run.run_id for run in retention.all()] == [2]
            await retention.close()

    asyncio.run(scene())


def test_who_asks_too_late_is_told(tmp_path: Path) -> None:
    """After its end nobody waits for what nobody does."""

    async def scene() -> None:
        async with Written(tmp_path) as results:
            await stored(results, over(1))
        with pytest.raises(EnvironmentProblem, match="is closed"):
            await results.forget([1])

    asyncio.run(scene())


class Written:
    """Results that are open, and closed in any case."""

    def __init__(self, folder: Path) -> None:
        self._results = Results(str(folder / "journal.db"))

    async def __aenter__(self) -> Results:
        await self._results.start()
        return self._results

    async def __aexit__(self, *_: object) -> None:
        await self._results.close()
