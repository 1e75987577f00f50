"""Binance's kline intervals and the calendar of the market, in UTC epoch milliseconds."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from candlewick.exchange.market.random_by_address import I64

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
DAY_MINUTES: Final = 1_440
# Binance's week starts on Monday; 1970-01-05 was one.
WEEK_ORIGIN_MS: Final = 4 * DAY_MS


@dataclass(frozen=True, slots=True)
class Interval:
    """One of Binance's intervals: a grid of half-open klines, which are numbered.

    Attributes:
        name: Name in REST and in streams.
        length_ms: Length of a kline; 0 for calendar months.
        origin_ms: Start of kline 0.
    """

    name: str
    length_ms: int
    origin_ms: int = 0

    @property
    def archive_name(self) -> str:
        """Name in archives, which tells months from minutes on file systems without case."""
        return self.name if self.length_ms else "1mo"

    def number_of(self, at_ms: int) -> int:
        """Return the number of the kline that contains a moment."""
        if self.length_ms:
            return (at_ms - self.origin_ms) // self.length_ms
        return int(_months(np.int64(at_ms)))

    def start_of(self, number: int) -> int:
        """Return the moment at which a kline begins."""
        if self.length_ms:
            return self.origin_ms + number * self.length_ms
        return int(np.datetime64(number, "M").astype("M8[ms]").astype(np.int64))

    def open_of(self, at_ms: int) -> int:
        """Return the opening time of the kline that contains a moment."""
        return self.start_of(self.number_of(at_ms))

    def end_of(self, at_ms: int) -> int:
        """Return the end of the kline that contains a moment."""
        return self.start_of(self.number_of(at_ms) + 1)

    def next_open(self, at_ms: int) -> int:
        """Return the first opening time at or after a moment."""
        return self.end_of(at_ms - 1)

    def opens(self, at_ms: I64) -> I64:
        """Return the opening time of the kline of each moment."""
        if self.length_ms:
            return at_ms - (at_ms - self.origin_ms) % self.length_ms
        return np.asarray(at_ms.astype("M8[ms]").astype("M8[M]").astype("M8[ms]").astype(np.int64))

    def ends(self, open_ms: I64) -> I64:
        """Return the end of the kline that opens at each moment; faults put some off the grid."""
        if self.length_ms:
            return open_ms + self.length_ms
        return np.asarray((_months(open_ms) + 1).astype("M8[M]").astype("M8[ms]").astype(np.int64))


def _months(at_ms: "I64 | np.int64") -> I64:
    return np.asarray(at_ms).astype("M8[ms]").astype("M8[M]").astype(np.int64)


_LENGTHS: Final = {
    "1s": SECOND_MS,
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
}
INTERVALS: Final = {
    **{name: Interval(name, length) for name, length in _LENGTHS.items()},
    "1w": Interval("1w", 7 * DAY_MS, WEEK_ORIGIN_MS),
    "1M": Interval("1M", 0),
}
ARCHIVED: Final = {interval.archive_name: interval for interval in INTERVALS.values()}


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
