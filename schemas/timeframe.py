"""Candle intervals and their arithmetic, in UTC epoch milliseconds. No clock here."""

from enum import StrEnum
from typing import Self

from schemas.errors import ConfigurationError

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

    def __new__(cls, name: str, minutes: int = 0, origin_ms: int = 0) -> Self:
        """Make the member of that name and length."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.ms = minutes * MINUTE_MS
        member.origin_ms = origin_ms
        return member

    ONE_MINUTE = "1m", 1
    FIVE_MINUTES = "5m", 5
    FIFTEEN_MINUTES = "15m", 15
    THIRTY_MINUTES = "30m", 30
    ONE_HOUR = "1h", 60
    FOUR_HOURS = "4h", 240
    ONE_DAY = "1d", 1440
    ONE_WEEK = "1w", 10_080, 4 * DAY_MS  # opens on Monday, UTC: 1970-01-05 was one

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
