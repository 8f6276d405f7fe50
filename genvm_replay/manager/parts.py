"""What the handlers work with, put together by `service.create_app`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

if TYPE_CHECKING:
    from ..journal.query import RunFilter
    from ..journal.source import RunSummary
    from ..journal.stored import StoredRun
    from .discretion import Discretion
    from .environment import Environment
    from .jobs import Jobs
    from .journal_reader import JournalReader
    from .module_processes import ModuleProcesses
    from .runs import Runs
    from .versions import Versions

LlmCheck = Callable[[Sequence[Any], Sequence[Any], Mapping[str, str]], Awaitable[Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Views:
    """How what is recorded is told as JSON, and asked for: as on the command line, which hands this in.

    Attributes:
        run: of a run's row and record.
        event: of line, index and event.
        run_filter: from words such as `contract` and `since`; raises UsageError.
    """

    run: Callable[[RunSummary, StoredRun], dict[str, Any]]
    event: Callable[[str, int, Any], dict[str, Any]]
    run_filter: Callable[..., RunFilter]


@dataclass(slots=True)
class Manager:
    """The collaborators of the service.

    Attributes:
        closing: set when the service begins to end: nothing new is taken.
    """

    runs: Runs
    modules: ModuleProcesses
    versions: Versions
    jobs: Jobs
    journal: JournalReader
    environment: Environment
    views: Views
    llm_check: LlmCheck
    discreet: Discretion
    closing: asyncio.Event = field(default_factory=asyncio.Event)


MANAGER: Final = web.AppKey("manager", Manager)
