"""Binance's kline intervals and the calendar of the market, in UTC epoch milliseconds."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
DAY_MINUTES: Final = 1_440
# Binance's week starts on Monday; 1970-01-05 was one.
WEEK_ORIGIN_MS: Final = 4 * DAY_MS

INTERVALS: Final = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}


def open_of(at_ms: int, interval_ms: int) -> int:
    """Return the opening time of the kline that contains `at_ms`."""
    origin = WEEK_ORIGIN_MS if interval_ms == 7 * DAY_MS else 0
    return at_ms - (at_ms - origin) % interval_ms


def day_of(day: date) -> int:
    """Return the number of days since 1970-01-01."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def date_of(day: int) -> date:
    """Return the calendar day of a number of days since 1970-01-01."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()


def epoch_ms(text: str) -> int:
    """Read an ISO 8601 date or date and time; without a zone it is UTC.

    Raises:
        ValueError: The text is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
