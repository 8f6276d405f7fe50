"""The console script `genvm`: hands `run` over to a warm process where there is one. Imports as little as it can."""

from __future__ import annotations

import os
import sys

from ...forking.link import (
    ANSWER,
    FAILED,
    HEADER,
    NUMBER_MAX,
    SOCKET_VARIABLE,
    TAKEN,
    Request,
    release,
    user_of,
)

TYPE_CHECKING = False  # the module `typing` is slow to import
if TYPE_CHECKING:
    import socket
    from typing import NoReturn

SIGNALS = (2, 15)  # SIGINT, SIGTERM


def main() -> NoReturn:
    """Run as a program."""
    path = os.environ.get(SOCKET_VARIABLE)
    if path and "run" in sys.argv[1:]:
        code = handed_over(path, sys.argv[1:])
        if code is not None:
            os._exit(code)
    from ..genvm import main as work

    work()


def handed_over(path: str, arguments: list[str]) -> int | None:
    """Let the warm process do it. Gives the exit code; None where nobody took the work."""
    import socket

    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(path)
        if user_of(link) != os.getuid():  # nobody else gets the environment
            return None
        numbers = open_files(arguments)
        if numbers and numbers[-1] > NUMBER_MAX:  # it would lose the log
            return None
        request = Request(release(), os.getcwd(), numbers, arguments, dict(os.environ)).encode()
        socket.send_fds(link, [HEADER.pack(len(request))], numbers)
        link.sendall(request)
        if link.recv(1) != TAKEN:
            return None
    except OSError:
        return None
    return wait(link)


def wait(link: socket.socket) -> int:
    """Pass signals on until the work has ended."""
    import signal

    def pass_on(number: int, _frame: object) -> None:
        link.send(bytes([number]))

    for number in SIGNALS:
        signal.signal(number, pass_on)
    answer = b""
    while len(answer) < ANSWER.size:
        part = link.recv(ANSWER.size - len(answer))
        if not part:
            print("genvm: the warm process ended before this run did", file=sys.stderr)
            return FAILED
        answer += part
    code: int = ANSWER.unpack(answer)[0]
    return code if code >= 0 else 128 - code


def open_files(arguments: list[str]) -> list[int]:
    """The descriptors that the work needs, ascending: the three streams, and where the log goes."""
    wanted = {0, 1, 2}
    for place, word in enumerate(arguments):
        name, _, value = word.partition("=")
        if name == "--log-fd":
            value = value or "".join(arguments[place + 1 : place + 2])
            wanted |= {int(value)} if value.isdecimal() and len(value) < 10 else set()
    return [number for number in sorted(wanted) if is_open(number)]


def is_open(number: int) -> bool:
    """Whether a descriptor is open."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
