"""Candle intervals and their arithmetic, in UTC epoch milliseconds. No clock here."""

from enum import StrEnum
from typing import Self

from schemas.errors import ConfigurationError

SECOND_MS = 1_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000


class Interval(StrEnum):
    """Length of a candle, in the exchange's notation.

    Attributes:
        ms: Length in milliseconds.
        origin_ms: An opening time; the others are multiples of the length away from it.
    """

    ms: int
    origin_ms: int

    def __new__(cls, name: str, seconds: int = 0, origin_ms: int = 0) -> Self:
        """Make the member of that name and length."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.ms = seconds * SECOND_MS
        member.origin_ms = origin_ms
        return member

    ONE_SECOND = "1s", 1
    ONE_MINUTE = "1m", 60
    FIVE_MINUTES = "5m", 300
    FIFTEEN_MINUTES = "15m", 900
    THIRTY_MINUTES = "30m", 1_800
    ONE_HOUR = "1h", 3_600
    FOUR_HOURS = "4h", 14_400
    ONE_DAY = "1d", 86_400
    ONE_WEEK = "1w", 604_800, 4 * DAY_MS  # opens on Monday, UTC: 1970-01-05 was one

    __hash__ = str.__hash__  # Enum's own is a Python function, and candles are looked up by it

    def open_of(self, event_ms: int) -> int:
        """Return the start of the half-open candle that contains ``event_ms``."""
        return event_ms - (event_ms - self.origin_ms) % self.ms


def parse_interval(text: str) -> Interval:
    """Return the interval with this name.

    Raises:
        ConfigurationError: There is none; the message lists the known ones.
    """
    try:
        return Interval(text)
    except ValueError:
        known = ", ".join(Interval)
        raise ConfigurationError(f"unknown interval {text!r}: use one of {known}") from None
