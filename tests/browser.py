"""A headless browser for the tests: the system's, else Debian's package is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from genvm_replay.modules.web.process import NAMES

PACKAGE = "chromium-headless-shell"


def headless_browser() -> str:
    """Its program; where there is none and none can be installed, the test fails and says why."""
    lock = Path(tempfile.gettempdir()) / "genvm-replay-install-browser.lock"
    with FileLock(lock, timeout=600):  # tests run in processes
        return installed() or install()


def installed() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> str:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.fail(f"no headless browser, and it can't be installed: as root, apt-get install {PACKAGE}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in ("update -qq", f"install -y -qq --no-install-recommends {PACKAGE}"):
        command = ["apt-get", *words.split()]
        done = subprocess.run(
            command, capture_output=True, check=False, text=True, timeout=300, env=environment
        )
        if done.returncode:
            pytest.fail(f"no headless browser, and {' '.join(command)} failed: {done.stderr[-800:]}")
    return installed() or pytest.fail(f"{PACKAGE} has no program of a known name")
