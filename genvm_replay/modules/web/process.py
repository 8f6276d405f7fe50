"""The browser as a process: found, started with its pipes, ended with all its children."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ...errors import UsageError
from .cdp import PIECE_SIZE

NAMES: Final = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "headless_shell",
    "chromium",
    "chromium-browser",
)
INSTALL: Final = (
    "no headless browser: install one (Debian: apt-get install chromium-headless-shell) or set browser.path in the "
    "configuration to a Chromium; or set webdriver_host to the address of a webdriver service"
)
WIDTH: Final = 960
HEIGHT: Final = 540
SETTINGS: Final = (
    "--headless",
    "--remote-debugging-pipe",
    f"--window-size={WIDTH},{HEIGHT}",
    "--proxy-server=http://127.0.0.1:9",  # what no page's own proxy serves goes nowhere
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--block-new-web-contents",  # no popups
    "--disable-quic",
    "--disable-gpu",
    "--hide-scrollbars",
    "--mute-audio",
    "--lang=en-US",
    "--force-color-profile=srgb",
    "--no-first-run",
    "--no-pings",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
)
ENVIRONMENT: Final = (
    *("PATH", "LD_LIBRARY_PATH", "TMPDIR", "FONTCONFIG_PATH", "FONTCONFIG_FILE", "FONTCONFIG_SYSROOT"),
    *("XDG_DATA_DIRS", "XDG_CONFIG_DIRS", "SSL_CERT_DIR", "SSL_CERT_FILE"),
)
"""What the browser gets of the environment. Keys of providers may stand there too, and pages are hostile."""
SECONDS_TO_STOP: Final = 5.0
ERRORS_SIZE_MAX: Final = 2000


def find_browser(path: str | None) -> str:
    """The program to start.

    Raises:
        UsageError: there is none; the text says how to get it.
    """
    if path is not None:
        found = shutil.which(path)
        if found is None:
            raise UsageError(f"configuration: browser.path: {path!r} is no program that can be started")
        return found
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise UsageError(INSTALL)


@dataclass(slots=True)
class BrowserProcess:
    """A browser in a process group and a folder of its own, both gone after `stop`."""

    pid: int
    folder: Path
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ended: asyncio.Task[None]

    @classmethod
    async def start(cls, program: str, *, heap_mb: int) -> Self:
        """Start the program with an empty profile.

        Raises:
            OSError: it can't be started.
        """
        folder = Path(tempfile.mkdtemp(prefix="genvm-replay-browser-"))
        arguments = [program, *SETTINGS, f"--user-data-dir={folder / 'profile'}"]
        arguments.append(f"--js-flags=--max-old-space-size={heap_mb}")
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium's sandbox can't be had as root
        to_browser, commands = os.pipe()
        events, from_browser = os.pipe()
        try:
            pid = _spawn(program, arguments, folder, to_browser, from_browser)
        except OSError:
            for descriptor in (commands, events):
                os.close(descriptor)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            os.close(to_browser)
            os.close(from_browser)
        reader, writer = await _streams(events, commands)
        return cls(pid, folder, reader, writer, asyncio.create_task(_ended(pid)))

    def errors(self) -> str:
        """The end of what the browser wrote to its standard error."""
        with suppress(OSError):
            return (self.folder / "errors").read_text("utf-8", "replace")[-ERRORS_SIZE_MAX:].strip()
        return ""

    def kill(self) -> None:
        """Kill the whole process group at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End the browser with all its children and remove its folder."""
        self.writer.close()  # a browser whose pipe ends stops by itself
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_STOP):
                await asyncio.shield(self.ended)
        self.kill()
        await self.ended
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


def _spawn(program: str, arguments: list[str], folder: Path, to_browser: int, from_browser: int) -> int:
    """Start the program in a session of its own, with its commands on descriptor 3 and its events on 4."""
    with (folder / "errors").open("wb") as errors, Path(os.devnull).open("r+b") as nothing:
        # The pipes may themselves be 3 or 4 here, so they take a way round.
        first, second = (_high(descriptor) for descriptor in (to_browser, from_browser))
        try:
            actions = [
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, errors.fileno(), 2),
                (os.POSIX_SPAWN_DUP2, first, 3),
                (os.POSIX_SPAWN_DUP2, second, 4),
            ]
            inherited = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
            environment = {**inherited, "HOME": str(folder), "TZ": "UTC", "LANG": "C.UTF-8"}
            return os.posix_spawn(program, arguments, environment, file_actions=actions, setsid=True)
        finally:
            os.close(first)
            os.close(second)


def _high(descriptor: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)


async def _streams(events: int, commands: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=PIECE_SIZE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(events, "rb", 0))
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop), os.fdopen(commands, "wb", 0)
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


async def _ended(pid: int) -> None:
    """Wait for the end of a process, and take its status so that it doesn't stay as a zombie."""
    loop = asyncio.get_running_loop()
    handle = os.pidfd_open(pid)
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
