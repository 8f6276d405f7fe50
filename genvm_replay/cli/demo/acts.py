"""The three acts of the demo: record, replay in a fresh process, tamper and get caught. Narrates as it goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.context import Settings
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import hexed, result_json, short, size
from genvm_replay.errors import EnvironmentProblem

if TYPE_CHECKING:
    from genvm_replay.cli.demo.story import Step
    from genvm_replay.cli.demo.tamper import Change
    from genvm_replay.replay.local_node import Recorded

CHILD_SECONDS_MAX: Final = 600
TX_SHOWN: Final = 14
SHOWN_CHARS: Final = 70


class Demo:
    """One performance, in a folder of its own. `summary` holds what came out."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = Settings(str(folder / "journal.db"), settings.cache, settings.json)
        self._without_state, self._tampered = folder / "journal-only.db", folder / "tampered.db"
        self._recorded: list[Recorded] = []
        self.summary: dict[str, Any] = {"runs": [], "replays": [], "identical": False, "found": False}

    def perform(self) -> bool:
        """Play all acts; whether everything was as it should be."""
        change = self._record()
        self.summary["identical"] = self._replay()
        self.summary["found"] = self._get_caught(change)
        as_told = all(run["as_expected"] for run in self.summary["runs"])
        return as_told and self.summary["identical"] and self.summary["found"]

    def _record(self) -> Change:
        """Act one; prepares the copies of the others."""
        from genvm_replay.cli.demo import story, tamper
        from genvm_replay.executor.engine import Build

        self._say("1. Deploy a token ledger written in Python, and call it. CPython runs in WebAssembly, and")
        self._say("   every crossing of the sandbox's border goes into the journal.\n")
        with open_store(self._settings, to_write=True) as store:
            bench = make_bench(self._settings, store, [Build.EPOCH])
            for step, recorded in story.play(bench):
                self._recorded.append(recorded)
                self._tell_run(step, recorded)
            for path in (self._without_state, self._tampered):
                tamper.copy(store, path)
        tamper.forget_state(self._without_state)
        return tamper.change_one_byte(self._tampered, self._recorded[story.TAMPERED].run_id)

    def _tell_run(self, step: Step, recorded: Recorded) -> None:
        result, tx = result_json(recorded.report.outcome), hexed(recorded.tx)
        told = {"tx": tx, "root": hexed(recorded.root), "result": result, "events": recorded.event_count}
        self.summary["address"] = recorded.address.checksummed
        self.summary["runs"].append(told | {"as_expected": result["kind"] == step.expected})
        shown = short(
            result["value"] if result["kind"] != "return" else json.dumps(result["value"]), SHOWN_CHARS
        )
        self._say(f"   {tx[:TX_SHOWN]}  {step}")
        self._say(f"   {'':{TX_SHOWN}}  -> {result['kind']} {shown}")
        stored = f"{recorded.event_count} events in {size(recorded.stored_bytes)}"
        self._say(click.style(f"   {'':{TX_SHOWN}}     {stored}", dim=True))

    def _replay(self) -> bool:
        """Act two: whether a fresh process found every run identical."""
        self._say(
            "\n2. Replay all of it in a fresh process, from a copy of the journal. In the copy the contract,"
        )
        self._say("   its storage and the balances are deleted: there is nothing but the record.\n")
        code, verdicts = self._run_child(self._without_state, "replay", "--all")
        self.summary["replays"] = verdicts
        for verdict in verdicts:
            good = verdict.get("identical") is True
            word = (
                click.style("identical", fg="green") if good else click.style(json.dumps(verdict), fg="red")
            )
            took = f"  {verdict['seconds'] * 1000:.1f} ms" if "seconds" in verdict else ""
            self._say(f"   {str(verdict.get('tx'))[:TX_SHOWN]}  {word}{took}")
        return code == 0 and len(verdicts) == len(self._recorded)

    def _get_caught(self, change: Change) -> bool:
        """Act three: whether `verify` and `replay` name the run and the event that was changed, and no other."""
        from genvm_replay.cli.demo.story import TAMPERED

        victim = hexed(self._recorded[TAMPERED].tx)
        place = f"{change.line}[{change.seq}]"
        self._say(f"\n3. Change one byte in another copy: in run {victim[:TX_SHOWN]}, event {place},")
        self._say(
            f"   a read of a balance was answered {_number(change.before)}; now it says {_number(change.after)}.\n"
        )
        self.summary["tampered"] = {"tx": victim, "line": change.line, "seq": change.seq}
        found = True
        for command in (["verify"], ["replay", victim]):
            code, verdicts = self._run_child(self._tampered, *command)
            bad = [verdict for verdict in verdicts if not verdict.get("ok", verdict.get("identical"))]
            where = [
                (v.get("tx"), v["divergence"]["line"], v["divergence"]["seq"])
                for v in bad
                if "divergence" in v
            ]
            caught = code == 1 and where == [(victim, change.line, change.seq)] and len(bad) == 1
            found = found and caught
            word = click.style("found it", fg="green") if caught else click.style("did NOT find it", fg="red")
            self._say(f"   {command[0]:<7} {word}, exit code {code}")
            for verdict in bad:
                told = verdict.get("divergence", verdict)
                self._say(f"           at {told.get('line')}[{told.get('seq')}], {told.get('field')}")
                self._say(f"           recorded {short(told.get('expected'), SHOWN_CHARS)}")
                self._say(f"           now      {short(told.get('actual'), SHOWN_CHARS)}")
        self._say("")
        return found

    def _run_child(self, database: Path, *command: str) -> tuple[int, list[dict[str, Any]]]:
        """Run one of our commands in a process of its own; its exit code and what it printed."""
        shared = ["--json", "--db", str(database), "--cache", str(self._settings.cache_folder())]
        self._say(click.style(f"   $ genvm-replay --db {database.name} {' '.join(command)}", dim=True))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "genvm_replay", *shared, *command],
                stdout=subprocess.PIPE,
                timeout=CHILD_SECONDS_MAX,
                check=False,
            )
            return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise EnvironmentProblem(
                f"the process that was to {command[0]} gave no answer: {error}"
            ) from error

    def _say(self, text: str) -> None:
        if not self._settings.json:
            click.echo(text)


def _number(stored: bytes) -> int:
    return int.from_bytes(stored, "little")
