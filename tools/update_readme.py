"""Runs the commands of README.md's `console` blocks and puts their real output below them.

`--check` changes nothing: it runs them and fails where the output has another form. Numbers, ids and times may differ.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ "
WAITING = ("compile: ", "wait: ")  # only where the cache is empty
LINE_CHARS_MAX = 180
CUT_CHARS_COMPARED = 80  # of a line that was cut: where it was depends on the digits before
MASKED = re.compile(r"0x[0-9a-f]{6,}|\b[0-9a-f]{64}\b|\d[\d.,:]*|(?<=\d) +| {2,}")


def updated(text: str, environment: Mapping[str, str]) -> str:
    """The text with the present output of all its commands."""

    def rerun(block: re.Match[str]) -> str:
        commands = [line for line in block[1].splitlines() if line.startswith(PROMPT)]
        shown = [f"{command}\n{output_of(command, environment)}" for command in commands]
        return f"```console\n{''.join(shown)}```"

    return BLOCK.sub(rerun, text)


def output_of(command: str, environment: Mapping[str, str]) -> str:
    """What a command prints, on either stream; long lines are cut."""
    program, *words = shlex.split(command.removeprefix(PROMPT))
    assert program == "genvm-replay", command
    done = subprocess.run(
        [sys.executable, "-m", "genvm_replay", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command}\nended with {done.returncode}:\n{done.stdout}")
    told = [line for line in done.stdout.splitlines() if not line.startswith(WAITING)]
    cut = (line if len(line) <= LINE_CHARS_MAX else f"{line[:LINE_CHARS_MAX]}..." for line in told)
    return "".join(f"{line}\n" for line in cut)


def masked(text: str) -> str:
    """The text without what differs between runs, machines and releases; the beginning of a line that was cut."""
    same = MASKED.sub("#", text)
    return same[:CUT_CHARS_COMPARED] if text.endswith("...") else same


def run() -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail if the output has another form"
    )
    check = parser.parse_args().check
    text = TARGET.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "journal.db")
        new = updated(text, {**os.environ, "GENVM_REPLAY_DB": journal, "PYTHONPATH": str(ROOT)})
    if not check:
        TARGET.write_text(new, encoding="utf-8")
        return 0
    for before, now in zip_longest(text.splitlines(), new.splitlines(), fillvalue=""):
        if masked(before) != masked(now):
            print(
                f"README.md says:\n{before}\nnow it is:\n{now}\nrun tools/update_readme.py", file=sys.stderr
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
