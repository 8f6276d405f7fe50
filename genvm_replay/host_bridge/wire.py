"""The host protocol in bytes: requests of the executor, answers of the node (spec/executor.md 1.1, 1.2).

A request is a method byte and its parts, an answer is whatever shape its request calls for; there are no frames around
them. Knows no order of requests (see `session`) and no sockets (see `client`, `server`).
"""

from __future__ import annotations

import struct
from typing import TypeVar

from msgspec.structs import astuple

from ..errors import LocalProtocolError, PeerProtocolError
from ..journal.events import Answer, Request, StorageRead
from .inbox import Inbox, Unfit
from .limits import DEFAULT_LIMITS, Limits
from .methods import BY_REQUEST, METHODS, Method

T = TypeVar("T")


def method_of(request: Request) -> Method:
    """The row of a request.

    Raises:
        LocalProtocolError: it never goes to a host.
    """
    method = BY_REQUEST.get(type(request))
    if method is None:
        raise LocalProtocolError(f"{type(request).__name__} is no request of the host protocol")
    return method


def encode_request(request: Request, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a request.

    Raises:
        LocalProtocolError: the wire can't carry it, or it is above a limit.
    """
    method = method_of(request)
    fields = astuple(request)
    begin = len(method.fixed)
    try:
        _check(request, limits)
        for at, size in method.sizes:
            if len(fields[at]) != size:
                raise Unfit(f"field {at} has {len(fields[at])} bytes, not {size}")
        head = method.head.pack(method.id, *fields[:begin])
        if not method.parts:
            return head
        pieces = [head]
        for part in method.parts:
            pieces.append(part.encode(fields[begin : begin + part.count], limits))
            begin += part.count
    except (Unfit, TypeError, struct.error) as error:
        raise LocalProtocolError(f"{method.name}: {error}") from error
    return b"".join(pieces)


def decode_request(inbox: Inbox, limits: Limits = DEFAULT_LIMITS) -> Request:
    """Read a request: the reading function of a node, see `Inbox.pull`.

    Raises:
        Missing: it is not whole yet.
        PeerProtocolError: an unknown method, a size above a limit, or a malformed field; as soon as it can be told.
    """
    number = inbox.first()
    if number is not None and number >= len(METHODS):
        raise PeerProtocolError(f"unknown method {number}")
    method = METHODS[number or 0]
    _, *fields = method.head.unpack(inbox.take(method.head.size))
    try:
        for part in method.parts:
            fields += part.decode(inbox, limits)
        request = method.request(*fields)
        _check(request, limits)
    except Unfit as error:
        raise PeerProtocolError(f"{method.name}: {error}") from error
    return request


def encode_answer(request: Request, answer: Answer, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of the answer to `request`; none where the protocol has no answer.

    Raises:
        LocalProtocolError: the host's answer does not fit the request, or is above a limit.
    """
    method = method_of(request)
    try:
        return method.reply.encode(request, answer, limits)
    except Unfit as error:
        raise LocalProtocolError(f"answer to {method.name}: {error}") from error


def decode_answer(inbox: Inbox, request: Request, limits: Limits = DEFAULT_LIMITS) -> Answer:
    """Read the answer to `request`: the reading function of an executor, see `Inbox.pull`.

    Raises:
        Missing: it is not whole yet.
        PeerProtocolError: an unknown error byte, a size above a limit, or a malformed value.
    """
    method = BY_REQUEST[type(request)]
    try:
        return method.reply.decode(inbox, request, limits)
    except Unfit as error:
        raise PeerProtocolError(f"answer to {method.name}: {error}") from error


def parse_request(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Request:
    """Read bytes that are one request.

    Raises:
        PeerProtocolError: they are not, or not exactly one.
    """
    inbox = Inbox()
    inbox.feed(data)
    return _exactly_one(inbox, inbox.pull(decode_request, limits))


def parse_answer(request: Request, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Answer:
    """Read bytes that are the answer to `request`.

    Raises:
        PeerProtocolError: they are not, or not exactly one.
    """
    inbox = Inbox()
    inbox.feed(data)
    return _exactly_one(inbox, inbox.pull(decode_answer, request, limits))


def _exactly_one(inbox: Inbox, frame: T | None) -> T:
    if frame is None:
        raise PeerProtocolError(f"cut short after {len(inbox)} bytes")
    if len(inbox):
        raise PeerProtocolError(f"{len(inbox)} bytes too many")
    return frame


def _check(request: Request, limits: Limits) -> None:
    """Check what the layout alone does not: only storage_read has such fields (spec/executor.md 1.2)."""
    if type(request) is StorageRead:
        if request.state > 2:
            raise Unfit(f"state {request.state}, not 0 (default), 1 (latest final) or 2 (latest non-final)")
        if request.length > limits.storage_bytes_max:
            raise Unfit(f"{request.length} bytes are asked for, limit {limits.storage_bytes_max}")
