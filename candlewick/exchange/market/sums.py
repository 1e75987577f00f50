"""Candles of whole hours and days of one symbol, kept, so that a long page is made only once."""

from collections.abc import Callable
from dataclasses import fields
from typing import Final

import numpy as np

from candlewick.exchange.market.cache import Cache
from candlewick.exchange.market.columns import Candles
from candlewick.exchange.market.grouping import grouped
from candlewick.exchange.market.intervals import INTERVALS
from candlewick.exchange.market.random_by_address import I64

_COLUMNS: Final = len(fields(Candles))


class Sums:
    """The hours of some days, and every day that was asked for, as one row each.

    Args:
        minutes: Makes the minutes of a day.
        first_day: First day of the market, counted from 1970-01-01.
        end_day: Day after its last.
        most_bytes: Most bytes of hours.
    """

    def __init__(
        self, minutes: Callable[[int], Candles], first_day: int, end_day: int, *, most_bytes: int
    ) -> None:
        self._minutes = minutes
        self._first = first_day
        self._hours: Cache[int, Candles] = Cache(most_bytes, lambda held: held.nbytes)
        # 88 bytes a day; the system gives memory only to the pages that are written.
        self._days = np.zeros((end_day - first_day, _COLUMNS), np.int64)
        self._known = np.zeros(end_day - first_day, np.bool_)

    def hours(self, day: int) -> Candles:
        """Return the 24 hours of a day."""
        return self._hours.get(day, lambda: grouped(self._minutes(day), INTERVALS["1h"]))

    def day(self, day: int) -> I64:
        """Return the numbers of a day's candle, in the order of the fields of Candles."""
        at = day - self._first
        if not self._known[at]:
            whole = grouped(self.hours(day), INTERVALS["1d"])
            self._days[at] = [getattr(whole, field.name)[0] for field in fields(Candles)]
            self._known[at] = True  # last, as other threads look at it first
        found: I64 = self._days[at]
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._hours.clear()
        self._known[:] = False
