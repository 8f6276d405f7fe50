"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from tests.browser import headless_browser
from tests.postgres import PostgresServer, running_server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI runs (the variable `CI` is set), a test that can't run has failed: its reason is told, not passed over."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One Postgres server for all tests; where it can't be started, the tests that need it fail and say why."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def browser_program() -> str:
    """The program of a headless browser."""
    return headless_browser()
