"""Where a host is reached: `unix://path` or `host:port` (spec/executor.md 1.1), and the sockets for it.

Listening is for this machine only: a Unix socket that its owner alone may use, or a loopback address.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import EnvironmentProblem, HostLost, UsageError

UNIX: Final = "unix://"
PORT_MAX: Final = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A parsed address: `path` of a Unix socket, or `host` and `port`."""

    path: str | None = None
    host: str = ""
    port: int = 0

    @property
    def uri(self) -> str:
        """As an executor takes it."""
        if self.path is not None:
            return UNIX + self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_uri(uri: str) -> Endpoint:
    """Read the address of a host.

    Raises:
        UsageError: it is neither `unix://path` nor `host:port`.
    """
    if uri.startswith(UNIX):
        if len(uri) == len(UNIX) or "\0" in uri:
            raise UsageError(f"{uri!r} names no socket (unix:///path/to/socket)")
        return Endpoint(path=uri[len(UNIX) :])
    host, _, port = uri.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or len(port) > 5 or int(port) > PORT_MAX:
        raise UsageError(f"{uri!r} is no address of a host (unix:///path/to/socket or 127.0.0.1:4000)")
    return Endpoint(host=host.removeprefix("[").removesuffix("]"), port=int(port))


def dial(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    """Connect as an executor does.

    Raises:
        HostLost: nothing listens there, or it does not answer in time.
    """
    try:
        if endpoint.path is None:
            connection = socket.create_connection((endpoint.host, endpoint.port), timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection = _unix_socket()
        try:
            connection.settimeout(timeout_s)
            connection.connect(endpoint.path)
        except BaseException:
            connection.close()
            raise
        return connection
    except (OSError, UnicodeError) as error:  # a name that is too long is a UnicodeError
        raise HostLost("connect", 0, f"{endpoint.uri}: {reason_of(error)}") from error


class Listener:
    """A listening socket for one connection. Closing it removes the file of a Unix socket."""

    def __init__(self, endpoint: Endpoint) -> None:
        """
        Args:
            endpoint: port 0 takes any free port.

        Raises:
            UsageError: the address can be reached from other machines.
            EnvironmentProblem: the address is taken or can't be had.
        """
        try:
            self.socket = _listen_tcp(endpoint) if endpoint.path is None else _listen_unix(endpoint.path)
        except OSError as error:
            raise EnvironmentProblem(f"can't listen at {endpoint.uri}: {reason_of(error)}") from error
        if endpoint.path is None:
            host, port = self.socket.getsockname()[:2]
            endpoint = Endpoint(host=host, port=port)
        self.endpoint = endpoint

    def accept(self, timeout_s: float) -> socket.socket:
        """Wait for the executor. Raises OSError: none came, or `wake` or `close` was called."""
        self.socket.settimeout(timeout_s)
        connection, _ = self.socket.accept()
        return self.prepare(connection)

    def prepare(self, connection: socket.socket) -> socket.socket:
        """Make an accepted connection answer at once."""
        if self.endpoint.path is None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def wake(self) -> None:
        """End an `accept` that another thread waits in: it gets a connection that ends at once."""
        with suppress(HostLost):
            dial(self.endpoint, 1.0).close()

    def close(self) -> None:
        """Stop listening."""
        if self.socket.fileno() < 0:
            return
        self.socket.close()
        if self.endpoint.path is not None:
            with suppress(FileNotFoundError):
                Path(self.endpoint.path).unlink()


def reason_of(error: BaseException) -> str:
    """What a driver's error says, in words."""
    if isinstance(error, TimeoutError | BlockingIOError):
        return "timed out"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _listen_tcp(endpoint: Endpoint) -> socket.socket:
    try:
        address = ipaddress.ip_address("127.0.0.1" if endpoint.host == "localhost" else endpoint.host)
    except ValueError as error:
        raise UsageError(f"{endpoint.host!r} is no loopback address: a host listens there only") from error
    if not address.is_loopback:
        raise UsageError(f"{address} is no loopback address: a host listens there only")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), endpoint.port))
        listener.listen(1)
    except BaseException:
        listener.close()
        raise
    return listener


def _listen_unix(path: str) -> socket.socket:
    listener = _unix_socket()
    try:
        listener.bind(path)
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)  # nobody can connect before `listen`
        listener.listen(1)
    except BaseException:
        listener.close()
        raise
    return listener


def _unix_socket() -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise UsageError("this machine has no Unix sockets: use host:port")
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
