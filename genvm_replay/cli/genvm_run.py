"""`genvm run`: one transaction for a node, over its socket (spec/executor.md 1.4, 1.6).

Exit codes: 0, a result was handed over, whatever it is; 1, it could not be (set-up, the host went away), or not be
recorded; 2, wrong usage. SIGTERM and Ctrl-C stop the guest: the result is then `timeout`, and is still handed over.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import click

from ..errors import EnvironmentProblem, JournalError, ReplayError, UsageError
from ..replay.node_message import read_host_data, read_message, read_permissions
from .genvm_config import load_config

PRINTS: Final = ("result", "fingerprint", "stderr-full")
SET_UP_FAILED: Final = 1
COOKIE_BYTES: Final = 8


@click.command("run")
@click.option("--message", "message_text", metavar="JSON", required=True, help="The transaction.")
@click.option("--host", metavar="URI", required=True, help="The node: unix://PATH or HOST:PORT.")
@click.option("--host-data", default="{}", metavar="JSON", help="Names the node and the transaction.")
@click.option("--sync", is_flag=True, help="Take the leader's nondeterministic results as they are.")
@click.option(
    "--permissions", default="rwscn", show_default=True, metavar="LETTERS", help="Rights of the main VM."
)
@click.option("--print", "prints", type=click.Choice(PRINTS), multiple=True, help="What to print at the end.")
@click.option("--debug-mode", is_flag=True, help="Let :latest and :test runners resolve; real running times.")
@click.option("--cookie", metavar="TEXT", help="Names the run to the modules; random unless given.")
@click.option(
    "--journal",
    metavar="URL",
    envvar="GENVM_REPLAY_JOURNAL",
    show_envvar=True,
    help="Record the run in this journal.",
)
@click.option(
    "--keep-raw", is_flag=True, help="Record what the providers of the modules answered, as it came."
)
@click.pass_context
def run_command(context: click.Context, /, **options: Any) -> None:
    """Run one transaction of a node."""
    settings = context.find_root().params
    log = _logger(settings.get("log_fd") or 2)
    try:
        Session(options, settings, log).run()
    except ReplayError as error:
        log("error", str(error))
        context.exit(SET_UP_FAILED)


def _logger(descriptor: int) -> Callable[[str, str], None]:
    def log(level: str, text: str) -> None:
        line = json.dumps({"level": level, "message": text}) + "\n"
        with suppress(OSError):  # whoever reads the log has gone: no reason to fail the run
            os.write(descriptor, line.encode())

    return log


class Session:
    """One `genvm run`."""

    def __init__(
        self, options: dict[str, Any], settings: dict[str, Any], log: Callable[[str, str], None]
    ) -> None:
        """
        Raises:
            UsageError: an argument is malformed.
        """
        config_path = settings.get("config")
        self._config = load_config(Path(config_path) if config_path else None, os.environ)
        self._message = read_message(options["message_text"])
        self._host_data = read_host_data(options["host_data"])
        self._permissions = read_permissions(options["permissions"])
        self._cookie = options["cookie"] or os.urandom(COOKIE_BYTES).hex()
        self._options = options
        self._log = log

    def run(self) -> None:
        """Connect, run, print."""
        from ..executor.moment import clock_ns
        from ..executor.python_runtime.cache import default_cache
        from ..executor.python_runtime.runtime import shared_runtime
        from ..executor.runners.registry import Registry
        from ..host_bridge.client import connect
        from ..host_bridge.module_client import ModuleClient
        from ..host_bridge.modules import asking_for_attempts, hello_of
        from ..journal.run import Limits, RunHeader
        from ..replay.node_run import PassingStreams, execute_for_node
        from ..replay.print_text import print_report

        clock_ns(self._message)
        runtime = shared_runtime(default_cache(os.environ))
        header = RunHeader(
            tx=self._transaction_id(),
            role="sync" if self._options["sync"] else "leader",
            parent=None,
            message=self._message,
            permissions=self._permissions,
            pins=runtime.pins,
            limits=Limits(0xFFFF_FFFF, None, None, version_gate=True, debug_mode=self._options["debug_mode"]),
        )
        recorder = self._recorder(header)
        hello = hello_of(self._cookie, self._host_data)
        if recorder is not None:
            hello = asking_for_attempts(hello, keep_raw=self._options["keep_raw"])
        modules = ModuleClient(self._config.modules, hello)
        debug = self._options["debug_mode"]
        registry = Registry(self._config.runners_dir, self._config.registry_dir, debug_mode=debug)
        with recorder or nullcontext():
            with connect(self._options["host"]) as host:
                report = execute_for_node(
                    header,
                    runtime,
                    host,
                    modules,
                    recorder,
                    PassingStreams(),
                    registry=registry,
                    debug=debug,
                    on_interrupt=_on_signals,
                )
            if recorder is not None:
                self._commit(recorder, report)
        print_report(report, self._options["prints"])

    def _recorder(self, header: Any) -> Any | None:
        if not self._options["journal"]:
            return None
        from ..journal.checkpoints import DatabaseCheckpoints
        from ..journal.recorder import RunRecorder

        def connect() -> Any:
            from ..journal.database import open_database

            return open_database(self._options["journal"]).database

        return RunRecorder(header, DatabaseCheckpoints(connect))

    def _transaction_id(self) -> bytes:
        from blake3 import blake3

        return blake3(self._host_data["tx_id"].encode()).digest()

    def _commit(self, recorder: Any, report: Any) -> None:
        from ..journal.database import open_database
        from ..replay.workbench import footer_of

        try:
            with open_database(self._options["journal"]) as store:
                store.commit(recorder.finish(footer_of(report)))
        except (EnvironmentProblem, JournalError, UsageError) as error:
            raise EnvironmentProblem(f"the result was handed over, but not recorded: {error}") from error


def _on_signals(interrupt: Callable[[], None]) -> None:
    def stop(_number: int, _frame: object) -> None:
        interrupt()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
