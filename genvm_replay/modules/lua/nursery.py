"""The process that workers are forked from. `forkserver` starts it, with the number of a socket as its argument.

It has imported what a worker needs, runs no script and has one thread, so a fork is quick and clean. It inherits
nothing of the service but one end of a socket: no connections, no environment with keys. On the socket come the setup
(one frame), then orders: fork a worker for the pipe that comes along, or kill one. When the service ends, the socket
does, and then all workers.
"""

from __future__ import annotations

import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from typing import Final, NoReturn

from . import frames
from .limits import LuaLimits
from .setup import FORK, KILL, ORDER, Setup
from .worker import serve

PR_SET_PDEATHSIG: Final = 1  # Linux, prctl(2)
FILES_END: Final = 1 << 16
CRASHED: Final = 70  # EX_SOFTWARE


def main() -> None:
    """Take orders until the service is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    message = frames.receive(control)
    if message is None:
        return
    setup = Setup(**{**message[1], "limits": LuaLimits(**message[1]["limits"])})
    gc.collect()
    gc.freeze()  # the workers share these pages; a collection would copy them
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a terminal tells its whole group: the service ends us in its own time
    _Nursery(control, setup).run()


class _Nursery:
    def __init__(self, control: socket.socket, setup: Setup) -> None:
        self._control = control
        self._setup = setup
        self._workers: dict[int, int] = {}  # number of the worker -> process id, until it is reaped

    def run(self) -> None:
        ended, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, self._order)
            selector.register(ended, selectors.EVENT_READ, lambda: self._reap(ended))
            going = True
            while going:
                for key, _ in selector.select():
                    going = key.data() and going
        for number in self._workers:
            self._kill(number)
        for process in self._workers.values():
            os.waitpid(process, 0)

    def _order(self) -> bool:
        try:
            order, files, _, _ = socket.recv_fds(self._control, ORDER.size, 1)
        except ConnectionError:
            return False
        if len(order) < ORDER.size:
            return False
        what, number = ORDER.unpack(order)
        if what == FORK:
            self._fork(number, files[0])
        elif what == KILL and number in self._workers:
            self._kill(number)
        return True

    def _fork(self, number: int, pipe: int) -> None:
        try:
            process = os.fork()
        except OSError:
            os.close(pipe)  # the service sees it as a worker that died
            return
        if process == 0:
            self._be_worker(pipe)
        os.close(pipe)
        self._workers[number] = process

    def _be_worker(self, pipe: int) -> NoReturn:
        code = CRASHED
        try:
            parent = os.getppid()
            _die_with_parent()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.closerange(3, pipe)
            os.closerange(pipe + 1, FILES_END)
            if os.getppid() == parent:
                serve(socket.socket(fileno=pipe), self._setup)
            code = 0
        except (SystemExit, OSError):
            pass  # the service hung up
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _kill(self, number: int) -> None:
        os.kill(self._workers[number], signal.SIGKILL)  # ours and not reaped yet, so the id is still its own

    def _reap(self, ended: int) -> bool:
        os.read(ended, 4096)
        by_process = {process: number for number, process in self._workers.items()}
        while self._workers:
            process, _ = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                break
            del self._workers[by_process[process]]
        return True


def _die_with_parent() -> None:
    """Have the system kill this process when the nursery dies, even in the middle of a loop; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
