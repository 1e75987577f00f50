"""Candle intervals and their arithmetic, in UTC epoch milliseconds. No clock here."""

from enum import StrEnum

from schemas.errors import ConfigurationError

MINUTE_MS = 60_000


class Interval(StrEnum):
    """Length of a candle, in the exchange's notation."""

    ONE_MINUTE = "1m"
    FIVE_MINUTES = "5m"
    FIFTEEN_MINUTES = "15m"
    ONE_HOUR = "1h"
    FOUR_HOURS = "4h"
    ONE_DAY = "1d"

    @property
    def ms(self) -> int:
        """Length in milliseconds."""
        return _MINUTES[self] * MINUTE_MS

    def open_of(self, event_ms: int) -> int:
        """Return the start of the half-open candle that holds ``event_ms``."""
        return event_ms - event_ms % self.ms


_MINUTES = {
    Interval.ONE_MINUTE: 1,
    Interval.FIVE_MINUTES: 5,
    Interval.FIFTEEN_MINUTES: 15,
    Interval.ONE_HOUR: 60,
    Interval.FOUR_HOURS: 240,
    Interval.ONE_DAY: 1440,
}


def parse_interval(text: str) -> Interval:
    """Return the interval of that name.

    Raises:
        ConfigurationError: There is none; the message lists those there are.
    """
    try:
        return Interval(text)
    except ValueError:
        known = ", ".join(Interval)
        raise ConfigurationError(f"unknown interval {text!r}: use one of {known}") from None
