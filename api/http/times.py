"""Parses and formats times: epoch milliseconds or ISO 8601 in, both out; all in UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

END_MS = 4_102_444_800_000  # 2100-01-01, the limit of the tables
SECONDS = range(10**9, 10**10)  # epoch seconds of 2001 to 2286; as milliseconds, days of 1970
_DATES = range(1, SECONDS.start)  # 20260131, 202601 and 2026 in ISO 8601's basic format
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST_PLUS = re.compile(r"(:\d\d\S*) (\d\d:?\d\d)")  # `+` in an address arrives as a blank


def parse_time(value: object) -> int:
    """Parse a time and return it as UTC epoch milliseconds.

    Args:
        value: Epoch milliseconds or ISO 8601; a time without a zone is UTC.

    Raises:
        ValueError: The value is neither, is in seconds, is a date without hyphens, or is not
            between 1970 and 2100.
    """
    text = str(value).strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else _iso(text)  # noqa: PLR2004 - digits
    if not 0 <= number < END_MS:
        raise ValueError("not between 1970 and 2100")
    if number in SECONDS and text.isdigit():
        raise ValueError(f"seconds? send milliseconds: {number}000")
    if number in _DATES and text.isdigit():
        raise ValueError("a date? write it as 2026-01-31, or send milliseconds")
    return number


def iso(time_ms: int) -> str:
    """Return a time as ISO 8601 with milliseconds and Z."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
    except ValueError:
        raise ValueError(
            "neither epoch milliseconds nor ISO 8601, for example 2026-01-31T12:00:00Z"
        ) from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (zoned - _EPOCH) // timedelta(milliseconds=1)


TimeMs = Annotated[
    int,
    BeforeValidator(parse_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 0},
                {"type": "integer", "minimum": SECONDS.stop, "maximum": END_MS - 1},
                {"type": "string", "format": "date-time"},
            ],
            "description": "UTC: epoch milliseconds, or ISO 8601.",
        }
    ),
]
