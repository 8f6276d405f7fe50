"""Waits for work, forks for each piece of it.

One thread, so that a fork is safe; one connection a piece of work. A client that goes away takes its work with it.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import selectors
import signal
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from ..errors import EnvironmentProblem, UsageError
from .link import (
    ANSWER,
    FAILED,
    FILES_MAX,
    HEADER,
    NUMBER_MAX,
    REQUEST_BYTES_MAX,
    TAKEN,
    Request,
    release,
    user_of,
)

PARENT_DEATH_SIGNAL: Final = 1  # of prctl, linux/prctl.h
WORK_MAX: Final = 256  # at once; who comes then is hung up on
HIGH_NUMBER: Final = 200  # above NUMBER_MAX
STOPS: Final = (signal.SIGINT, signal.SIGTERM)
PASSED_ON: Final = (*STOPS, signal.SIGKILL)


class Work:
    """One client and, once its request is complete, the process that works for it."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.received = bytearray()
        self.files: list[int] = []
        self.process: int | None = None
        self.watch: int | None = None  # a descriptor that tells of the process's end

    def feed(self) -> Request | None:
        """Take what has arrived; gives the request once, when it is complete.

        Raises:
            ValueError: no request, or the client is gone.
        """
        data, files, _, _ = socket.recv_fds(self.link, 1 << 16, FILES_MAX)
        self.files += files
        self.received += data
        if not data:
            raise ValueError("the client is gone")
        if len(self.received) < HEADER.size:
            return None
        (size,) = HEADER.unpack_from(self.received)
        if size > REQUEST_BYTES_MAX or len(self.received) > HEADER.size + size:
            raise ValueError("not a request")
        if len(self.received) < HEADER.size + size:
            return None
        request = Request.decode(bytes(self.received[HEADER.size :]))
        if len(request.numbers) != len(self.files):
            raise ValueError("files that do not fit")
        return request

    def close_files(self) -> None:
        """Close what the client sent."""
        while self.files:
            os.close(self.files.pop())


class ForkServer:
    """Listens on a Unix socket that only its user can reach."""

    def __init__(
        self, path: Path, work: Callable[[list[str]], NoReturn], *, lifeline: int | None = None
    ) -> None:
        """
        Args:
            work: does a command line in the forked process, and ends it.
            lifeline: a descriptor whose end of stream ends the server, in place of signals; its owner's death is one.

        Raises:
            UsageError: somebody listens there already, or something else is there.
            EnvironmentProblem: the socket can't be made.
        """
        self._work = work
        self._path = path
        self._process = os.getpid()
        self._release = release()
        self._selector = selectors.DefaultSelector()
        self._works: set[Work] = set()
        self._lifeline = lifeline
        self._listener = listen(path)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def hear(self, descriptor: int, take: Callable[[], None]) -> None:
        """Call `take` whenever there is something to read, in this process."""
        self._selector.register(descriptor, selectors.EVENT_READ, take)

    def serve(self) -> None:
        """Work until SIGTERM or Ctrl-C; what runs then is stopped."""
        stop, wakes = socket.socketpair()
        wakes.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno())
        for number in STOPS:  # who holds the lifeline decides: signals to a whole group are for him
            signal.signal(number, signal.SIG_IGN if self._lifeline is not None else lambda *_: None)
        ends = {stop.fileno()} if self._lifeline is None else {stop.fileno(), self._lifeline}
        for end in ends:
            self._selector.register(end, selectors.EVENT_READ)
        gc.collect()
        gc.freeze()  # else the first collection in each forked process copies every page that holds an object
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fd in ends:
                        return
                    key.data()
        finally:
            self._path.unlink(missing_ok=True)
            if self._lifeline is not None:  # a killed owner can't remove the folder that he made for it
                with suppress(OSError):
                    self._path.parent.rmdir()
            for work in list(self._works):
                self._drop(work)

    def _accept(self) -> None:
        with suppress(OSError):
            link, _ = self._listener.accept()
            if len(self._works) >= WORK_MAX or user_of(link) != os.getuid():
                link.close()
                return
            link.setblocking(False)
            work = Work(link)
            self._works.add(work)
            self._selector.register(link, selectors.EVENT_READ, lambda: self._hear(work))

    def _hear(self, work: Work) -> None:
        if work not in self._works:  # it ended in the same moment
            return
        try:
            if work.process is None:
                request = work.feed()
                if request is not None:
                    self._start(work, request)
                return
            numbers = work.link.recv(64)
            if not numbers:
                raise ValueError("the client is gone")
            for number in numbers:
                if number in PASSED_ON:
                    os.kill(work.process, number)
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self._drop(work)

    def _start(self, work: Work, request: Request) -> None:
        if request.release != self._release:
            raise ValueError("another release")
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # one for the new process must not count for this one
        work.process = os.fork()
        if work.process == 0:
            self._become(work, request)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        work.watch = os.pidfd_open(work.process)
        self._selector.register(work.watch, selectors.EVENT_READ, lambda: self._ended(work))
        work.close_files()
        work.link.send(TAKEN)

    def _become(self, work: Work, request: Request) -> NoReturn:
        """In the forked process: take the client's surroundings, do the work, end."""
        try:
            die_with(self._process)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            files = [fcntl.fcntl(file, fcntl.F_DUPFD, HIGH_NUMBER) for file in work.files]
            work.close_files()
            self._let_go()
            for file, number in zip(files, request.numbers, strict=True):
                os.dup2(file, number)
                os.close(file)
            os.chdir(request.folder)
            os.environ.clear()
            os.environ.update(request.environment)
            self._work(request.arguments)
        finally:
            os._exit(FAILED)

    def _let_go(self) -> None:
        """Close what belongs to the server: an end of stream is seen only when nobody holds the other end."""
        self._selector.close()
        self._listener.close()
        for work in self._works:
            work.link.close()
            work.close_files()

    def _ended(self, work: Work) -> None:
        if work.process is None:  # it was killed in the same moment
            return
        _, status = os.waitpid(work.process, 0)
        work.process = None
        with suppress(OSError):
            work.link.send(ANSWER.pack(os.waitstatus_to_exitcode(status)))
        self._drop(work)

    def _drop(self, work: Work) -> None:
        """Forget a client; its process, if it runs, is killed."""
        if work.process is not None:
            os.kill(work.process, signal.SIGKILL)
            os.waitpid(work.process, 0)
        if work.watch is not None:
            self._selector.unregister(work.watch)
            os.close(work.watch)
        self._selector.unregister(work.link)
        work.link.close()
        work.close_files()
        self._works.discard(work)


def reserve_numbers() -> None:
    """Take the numbers that clients may name, before anything else is opened: what has one of them would be lost."""
    silence = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    while silence < NUMBER_MAX:
        silence = os.dup(silence)


def listen(path: Path) -> socket.socket:
    """Make the socket; one that a dead process left is replaced. Raises as `ForkServer` does."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise UsageError(f"{path} is there already and is no socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
            probe.connect(str(path))
            raise UsageError(f"another process listens on {path}")
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(WORK_MAX)
    except OSError as error:
        listener.close()
        raise EnvironmentProblem(f"can't listen on {path}: {error.strerror or error}") from error
    return listener


def die_with(parent: int) -> None:
    """Let the system kill this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(FAILED)
