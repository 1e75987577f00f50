"""One symbol of a recorded market, with the same interface as a generated one."""

from functools import reduce
from math import gcd
from typing import Final

import numpy as np

from candlewick.exchange.market.cache import Cache
from candlewick.exchange.market.columns import Candles, Trades, joined
from candlewick.exchange.market.grouping import candle_of
from candlewick.exchange.market.intervals import DAY_MINUTES, MINUTE_MS
from candlewick.exchange.market.price_path import LAST_DAY
from candlewick.exchange.market.random_by_address import I64
from candlewick.exchange.market.sums import Sums

_MINUTE_BYTES: Final = 32 << 20
_HOUR_BYTES: Final = 8 << 20


class ReplayedSymbol:
    """The recorded aggregate trades of one symbol, with consecutive ids, and their candles."""

    def __init__(self, trades: Trades) -> None:
        self._all = trades
        self._candles: Cache[int, Candles] = Cache(_MINUTE_BYTES, lambda held: held.nbytes)
        first_day = self.first_minute // DAY_MINUTES
        self._sums = Sums(self.candles, first_day, LAST_DAY, most_bytes=_HOUR_BYTES)
        self._tick_e8 = int(reduce(gcd, np.unique(trades.price_e8).tolist()))

    @property
    def tick_e8(self) -> int:
        """Largest number that divides every price, in units of 1e-8."""
        return self._tick_e8

    @property
    def step_e8(self) -> int:
        """Smallest possible quantity, as the recording does not have the real one."""
        return 1

    @property
    def first_minute(self) -> int:
        """Minute of the first recorded trade, counted from 1970-01-01."""
        return int(self._all.time_ms[0]) // MINUTE_MS

    @property
    def end_minute(self) -> int:
        """End of the calendar; the market is quiet after its last trade."""
        return LAST_DAY * DAY_MINUTES

    @property
    def first_ms(self) -> int:
        """Time of the first recorded trade, UTC epoch milliseconds."""
        return int(self._all.time_ms[0])

    def trades(self, minute: int) -> Trades:
        """Return the trades of one minute."""
        edges = (minute * MINUTE_MS, (minute + 1) * MINUTE_MS)
        start, stop = np.searchsorted(self._all.time_ms, edges, side="left")
        return self._all.span(int(start), int(stop))

    def opening_e8(self, day: int) -> int:
        """Return the price at which a day begins."""
        return int(self.candles(day).open_e8[0])

    def candles(self, day: int) -> Candles:
        """Return the 1,440 one-minute candles of one day."""
        return self._candles.get(day, lambda: self._day(day))

    def hours(self, day: int) -> Candles:
        """Return the 24 one-hour candles of one day."""
        return self._sums.hours(day)

    def whole_day(self, day: int) -> I64:
        """Return the candle of one day: a number for each field of Candles."""
        return self._sums.day(day)

    def holds(self, minute: int) -> bool:
        """Return True: all trades are in memory."""
        del minute
        return True

    def minute_of(self, agg_id: int) -> int | None:
        """Return the minute of an aggregate trade, or None if it was not recorded."""
        row = agg_id - self._all.first_agg_id
        return int(self._all.time_ms[row]) // MINUTE_MS if 0 <= row < len(self._all) else None

    def agg_id_of(self, trade_id: int) -> int | None:
        """Return the aggregate of a trade by the trade's id, or None if it was not recorded."""
        row = int(np.searchsorted(self._all.trade_id_edges, trade_id, side="right")) - 1
        return self._all.first_agg_id + row if 0 <= row < len(self._all) else None

    def halt(self, first_minute: int, end_minute: int) -> None:
        """Reject a halt, as recorded trades cannot be removed.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            f"minutes {first_minute} to {end_minute} are recorded: a halt needs the generated "
            "market, without --capture and --aggtrades"
        )

    def _day(self, day: int) -> Candles:
        parts, first = [], day * DAY_MINUTES
        last_close = self._close_before(first * MINUTE_MS)
        for minute in range(first, first + DAY_MINUTES):
            trades = self.trades(minute)
            parts.append(candle_of(trades, minute * MINUTE_MS, last_close, self._tick_e8))
            last_close = int(parts[-1].close_e8[0])
        return joined(parts)

    def _close_before(self, at_ms: int) -> int:
        row = int(np.searchsorted(self._all.time_ms, at_ms, side="left")) - 1
        return int(self._all.price_e8[max(row, 0)])
