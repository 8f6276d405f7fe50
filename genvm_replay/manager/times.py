"""Moments as the API tells them, and how the document describes them: RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta

DAY: Final = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?"
ZONE: Final = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
MOMENT_SCHEMA: Final = {
    "type": "string",
    "pattern": f"^(19(7[1-9]|[89][0-9])|2[0-9]{{3}})-{DAY}T{TIME}{ZONE}$",
    "examples": ["2026-01-31T12:00:00Z"],
}
"""RFC 3339. Ranges of years and days are exact but for the 29th of February, which is taken too."""
Moment = Annotated[str, Meta(description="RFC 3339.", extra_json_schema=MOMENT_SCHEMA)]


def rfc3339(moment: datetime) -> str:
    """A moment in UTC, to the millisecond."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the Unix epoch."""
    return int(moment.timestamp() * 1000)
