"""The transaction's time: read, printed, and as the clock that guests see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ..errors import UsageError
from ..journal.run import Message

EPOCH_YEAR: Final = 1970


def clock_ns(message: Message) -> int:
    """The transaction's time in nanoseconds since the Unix epoch.

    Raises:
        UsageError: the message's datetime is no RFC 3339 time from 1970 on.
    """
    moment = parse_datetime(message.datetime)
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * 10**9 + moment.microsecond * 1000


def parse_datetime(text: str) -> datetime:
    """Read an RFC 3339 time; one without an offset counts as UTC.

    Raises:
        UsageError: anything else, or before 1970: guests see the time as an unsigned number.
    """
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"not a time: {text[:40]!r} (RFC 3339, such as 2026-01-31T12:00:00Z)") from error
    if moment.year < EPOCH_YEAR:
        raise UsageError(f"not a time from {EPOCH_YEAR} on: {text[:40]!r}")
    return moment


def format_datetime(moment: datetime) -> str:
    """Print a time as hosts do: UTC, `Z`, 0, 3 or 6 fractional digits as needed (spec/executor.md 5.1)."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    micros = moment.microsecond
    if micros:
        text += f".{micros:06d}" if micros % 1000 else f".{micros // 1000:03d}"
    return text + "Z"
