"""Names and paths of the archive files, and the time range of each. Pure.

Source: binance-public-data, README: ``data/spot/{daily|monthly}/{klines|aggTrades}/...``.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from schemas.market import CandleSource
from schemas.timeframe import DAY_MS, Interval

TRADES: Final = "-aggTrades-"  # in the names of files of trades
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?")
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive file: a symbol's candles or aggregate trades of one day or month (UTC).

    Attributes:
        interval: Interval of the candles; None for aggregate trades.
        first: First day that the file covers.
        days: 1, or the number of days in the month.
    """

    symbol: str
    interval: Interval | None
    first: date
    days: int

    @property
    def name(self) -> str:
        """Return the file's name, for example ``BTCUSDT-1m-2024-08.zip``."""
        day = self.first.isoformat() if self.days == 1 else f"{self.first:%Y-%m}"
        return f"{self.symbol}-{self._kind}-{day}.zip"

    @property
    def path(self) -> str:
        """Return the file's path below the archive's root."""
        span = "daily" if self.days == 1 else "monthly"
        if self.interval is None:
            return f"data/spot/{span}/aggTrades/{self.symbol}/{self.name}"
        return f"data/spot/{span}/klines/{self.symbol}/{self._kind}/{self.name}"

    @property
    def source(self) -> CandleSource:
        """Return the source that candles of this file carry."""
        return CandleSource.ARCHIVE_DAILY if self.days == 1 else CandleSource.ARCHIVE_MONTHLY

    @property
    def open_ms(self) -> int:
        """Return the start of the time range, UTC epoch milliseconds."""
        return _day_ms(self.first)

    @property
    def close_ms(self) -> int:
        """Return the end of the time range, exclusive."""
        return self.open_ms + self.days * DAY_MS

    @property
    def _kind(self) -> str:
        return "aggTrades" if self.interval is None else self.interval.value

    def by_days(self) -> list["Archive"]:
        """Return one daily file for each day of this file."""
        days = (self.first + timedelta(days=n) for n in range(self.days))
        return [Archive(self.symbol, self.interval, day, 1) for day in days]


def day_file(symbol: str, interval: Interval | None, at_ms: int) -> Archive:
    """Return the daily file that covers a moment."""
    return Archive(symbol, interval, _date(at_ms), 1)


def month_file(symbol: str, interval: Interval | None, at_ms: int) -> Archive:
    """Return the monthly file that covers a moment."""
    first = _date(at_ms).replace(day=1)
    return Archive(symbol, interval, first, monthrange(first.year, first.month)[1])


def named(name: str, symbol: str, interval: Interval) -> Archive:
    """Parse the name of a file of candles.

    Raises:
        ValueError: The name is not that of such a file.
    """
    start, end = f"{symbol}-{interval.value}-", ".zip"
    found = _DATE.fullmatch(name.removeprefix(start).removesuffix(end))
    if found is None or not (name.startswith(start) and name.endswith(end)):
        raise ValueError(f"{name} is not a file of {interval.value} candles of {symbol}")
    year, month, day = found.groups()
    first = date(int(year), int(month), int(day or 1))
    return Archive(symbol, interval, first, 1 if day else monthrange(first.year, first.month)[1])


def _date(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms // 1000, UTC).date()


def _day_ms(day: date) -> int:
    return (day - _EPOCH).days * DAY_MS
