"""Long steps, shown on a terminal and where there is none."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from genvm_replay.cli.progress import StepDisplay, watched

SCRIPT = """
from genvm_replay.cli.progress import StepDisplay, watched
with StepDisplay() as progress:
    progress.step("check", "the first thing")
    progress.step("compile", "the second thing")
print(sum(watched(range(100))))
"""


def test_without_a_terminal_only_long_steps_are_told(capsys):
    with StepDisplay() as progress:
        progress.step("check", "short")
        progress.step("compile", "epoch build, about 10 s, once")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "compile: epoch build, about 10 s, once\n")


def test_watching_changes_nothing():
    assert list(watched([1, 2, 3])) == [1, 2, 3]


def test_on_a_terminal_every_step_is_shown_and_stdout_stays_clean():
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        done = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while part := terminal.read(4096):
                shown += part
        except OSError:  # the other side was closed: its end
            pass
        out, _ = done.communicate(timeout=30)
    assert (done.returncode, out) == (0, b"4950\n")
    assert b"check: the first thing" in shown
    assert b"compile: the second thing" in shown
