"""Names of archive files, and the time at which each is published."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta
from typing import Final

from candlewick.exchange.market.intervals import ARCHIVED, DAY_MS, day_of

_PATH: Final = re.compile(
    r"/data/spot/(?P<span>daily|monthly)/"
    r"(?:klines/(?P<ks>[^\W_a-z]+)/(?P<interval>\w+)/(?P=ks)-(?P=interval)"
    r"|aggTrades/(?P<as>[^\W_a-z]+)/(?P=as)-aggTrades)"
    r"-(?P<date>\d{4}-\d{2}(?:-\d{2})?)\.zip(?P<sum>\.CHECKSUM)?"
)
_MICROSECONDS_FROM: Final = date(2025, 1, 1)
# A day's file is published at 03:00 UTC of the next day.
_DAILY_AFTER_MS: Final = 3 * 3_600_000
_MONDAY: Final = 0
# What a day does not hold, and what a month holds too many of: 2.7 million seconds.
_UNSERVED: Final = {False: frozenset({"3d", "1w", "1mo"}), True: frozenset({"1s"})}


@dataclass(frozen=True, slots=True)
class File:
    """One archive: a symbol's klines or aggregate trades of a day or a month.

    Attributes:
        interval: Interval of klines as REST names it; empty for aggregate trades.
        first: First day.
        days: Number of days.
        name: File name without `.zip`.
    """

    symbol: str
    interval: str
    first: date
    days: int
    name: str

    @property
    def first_ms(self) -> int:
        """Start of the first day, UTC epoch milliseconds."""
        return day_of(self.first) * DAY_MS

    @property
    def published_ms(self) -> int:
        """Time of publication: the next morning, or the first Monday after the month."""
        after = self.first + timedelta(days=self.days)
        if self.days > 1:
            after += timedelta(days=(_MONDAY - after.weekday()) % 7)
        return day_of(after) * DAY_MS + _DAILY_AFTER_MS


def file_of(path: str) -> tuple[File, bool] | None:
    """Return the file that a path names, and whether the path is that of its checksum.

    Returns None for a path that no archive file can have.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    text, monthly = found["date"], found["span"] == "monthly"
    try:
        first = date.fromisoformat(f"{text}-01" if monthly else text)
    except ValueError:
        return None
    if first.year == MAXYEAR:  # published after the last day that a date can be
        return None
    written = found["interval"] or ""
    if written and (written not in ARCHIVED or written in _UNSERVED[monthly]):
        return None
    interval = ARCHIVED[written].name if written else ""
    symbol = found["ks"] or found["as"]
    days = monthrange(first.year, first.month)[1] if monthly else 1
    name = f"{symbol}-{written or 'aggTrades'}-{text}"
    return File(symbol, interval, first, days, name), bool(found["sum"])
