"""Every way in which a request is refused: one table from error class to HTTP status, one shape, `{"error": text}`.

The documents name 500 for everything that fails (spec/manager-modules.md 6.2). What the caller can mend is 4xx here, as
later versions of the manager do; docs/manager.md has the whole table. For callers that look for the documented 500
there is `--plain-statuses`.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from ..errors import (
    EnvironmentProblem,
    JournalError,
    PeerProtocolError,
    ReplayError,
    UsageError,
)
from .discretion import Discretion

LOG: Final = logging.getLogger(__name__)


class NotThere(ReplayError):
    """What the path or the body names does not exist."""


class Conflict(ReplayError):
    """Well formed, but not possible as things are."""


class Forbidden(ReplayError):
    """Understood and not allowed."""


class NotAllowedHere(ReplayError):
    """The token is missing or wrong."""


class OtherHost(ReplayError):
    """The request was meant for another host name: a page that was re-bound to this address."""


class UnsupportedMedia(ReplayError):
    """A body of this content type can't be read here."""


class TooLate(ReplayError):
    """The body did not arrive in time."""


class Busy(ReplayError):
    """Too much is waiting already."""


class TookTooLong(ReplayError):
    """Work was stopped at its time limit."""


STATUS: Final[tuple[tuple[type[ReplayError], int], ...]] = (  # the first that fits counts
    (NotAllowedHere, 401),
    (Forbidden, 403),
    (NotThere, 404),
    (TooLate, 408),
    (Conflict, 409),
    (UnsupportedMedia, 415),
    (OtherHost, 421),
    (Busy, 429),
    (TookTooLong, 504),
    (UsageError, 400),
    (PeerProtocolError, 400),
    (ReplayError, 500),
)
WORDS: Final[Mapping[str, int]] = {  # the fixed words of the manager, at the start of an error's text
    "no_executor_version_available": 409,
    "module_already_running": 409,
    "module_failed_to_start": 409,
    "too_many_runs": 429,
    "executor_failed_to_start": 500,
    "no_permit_in_time": 503,
    "manager_is_stopping": 503,
}
PLAIN: Final = frozenset({401, 404})  # what stays under `--plain-statuses`
HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "5"},
}
REASONS: Final[Mapping[int, str]] = {
    400: "A header, a parameter or the body is malformed; the text names it.",
    401: "The token is missing or wrong.",
    403: "Understood and not allowed.",
    404: "There is no such thing.",
    405: "The path has other methods; `Allow` names them.",
    408: "The body did not arrive in time.",
    409: "Well formed, but not possible as things are.",
    413: "The body is larger than this service takes.",
    415: "A body of this content type can't be read here.",
    421: "The request names another host than this one.",
    429: "Too much is waiting already; try again after `Retry-After` seconds.",
    500: "It failed here; the log of the service has it under the number in the text.",
    503: "The service is about to end, or not ready; try again after `Retry-After` seconds.",
    504: "The work was stopped at its time limit.",
}


def status_of(error: ReplayError) -> int:
    """The HTTP status that tells an error."""
    known = WORDS.get(_word(error))
    return known or next(status for kind, status in STATUS if isinstance(error, kind))


def plain_status(status: int) -> int:
    """The documented status in place of a precise one."""
    return status if status in PLAIN else 500


def _word(error: ReplayError) -> str:
    return str(error).partition(":")[0]


def refusal(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer to a request that was refused."""
    return web.Response(
        status=status,
        body=msgspec.json.encode({"error": text}),
        content_type="application/json",
        headers={**HEADERS.get(status, {}), **(headers or {})},
    )


class Refusals:
    """The outermost middleware: no error leaves the service in another shape, none carries a path of this machine.

    Handlers may raise any `ReplayError`. What is nobody's intention is logged whole, and told by a number only.
    """

    def __init__(self, discreet: Discretion, *, plain: bool = False) -> None:
        """
        Args:
            plain: answer with documented statuses alone.
        """
        self._discreet = discreet
        self._plain = plain

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer an error as its class says."""
        try:
            return await handler(request)
        except web.HTTPException as end:
            if end.status < 400:
                raise
            allowed = {"Allow": end.headers["Allow"]} if "Allow" in end.headers else {}
            return self._refuse(end.status, end.reason, allowed)
        except ReplayError as error:
            status = status_of(error)
            if isinstance(error, EnvironmentProblem) and _word(error) not in WORDS:
                return self._hidden(request, error)
            if isinstance(error, JournalError):
                LOG.warning("%s %s: %s", request.method, request.path, error)
            return self._refuse(status, self._discreet(str(error)))
        except ConnectionResetError:
            raise
        except Exception as error:
            return self._hidden(request, error)

    def _refuse(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return refusal(plain_status(status) if self._plain else status, text, headers)

    def _hidden(self, request: web.Request, error: Exception) -> web.Response:
        number = secrets.token_hex(4)
        LOG.error("%s %s failed, %s", request.method, request.path, number, exc_info=error)
        what = "the environment of the service" if isinstance(error, EnvironmentProblem) else "the service"
        return refusal(500, f"{what} is not in order; its log has this under {number}")
