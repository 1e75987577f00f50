"""Candle intervals and their arithmetic, in UTC epoch milliseconds. No clock here."""

from collections.abc import Collection
from enum import StrEnum
from typing import Self

from schemas.errors import ConfigurationError

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class Interval(StrEnum):
    """Length of a candle, in the exchange's notation.

    Attributes:
        ms: Length in milliseconds.
        origin_ms: An opening time; the others are multiples of the length away from it.
    """

    ms: int
    origin_ms: int

    def __new__(cls, name: str, length_ms: int = 0, origin_ms: int = 0) -> Self:
        """Make the member of that name and length."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.ms = length_ms
        member.origin_ms = origin_ms
        return member

    ONE_SECOND = "1s", SECOND_MS
    ONE_MINUTE = "1m", MINUTE_MS
    FIVE_MINUTES = "5m", 5 * MINUTE_MS
    FIFTEEN_MINUTES = "15m", 15 * MINUTE_MS
    THIRTY_MINUTES = "30m", 30 * MINUTE_MS
    ONE_HOUR = "1h", 60 * MINUTE_MS
    FOUR_HOURS = "4h", 240 * MINUTE_MS
    ONE_DAY = "1d", DAY_MS
    ONE_WEEK = "1w", 7 * DAY_MS, 4 * DAY_MS  # opens on Monday, UTC: 1970-01-05 was one

    __hash__ = str.__hash__  # Enum's own is a Python function, and candles are looked up by it

    def open_of(self, event_ms: int) -> int:
        """Return the start of the half-open candle that contains ``event_ms``."""
        return event_ms - (event_ms - self.origin_ms) % self.ms


FETCHED = tuple(interval for interval in Interval if interval.ms >= MINUTE_MS)
"""Intervals of which the exchange's candles are fetched; ours are compared with these."""


def parse_interval(text: str, known: Collection[Interval] = tuple(Interval)) -> Interval:
    """Return the interval with this name.

    Raises:
        ConfigurationError: It is none of the known ones; the message lists them.
    """
    if text not in known:
        names = ", ".join(known)
        raise ConfigurationError(f"unknown interval {text!r}: use one of {names}")
    return Interval(text)
