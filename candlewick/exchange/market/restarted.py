"""One symbol whose ids begin again at zero, as on a testnet that is emptied."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.intervals import MINUTE_MS
from candlewick.exchange.market.random_by_address import I64
from candlewick.exchange.market.source import Source


class RestartedSymbol:
    """Another symbol's market with new ids from a minute on; then it has no earlier past."""

    def __init__(self, source: Source, first_minute: int, now_ms: Callable[[], int]) -> None:
        """Set up the market.

        Args:
            source: The market as it was.
            first_minute: Minute from which ids begin again, counted from 1970-01-01.
            now_ms: Returns the market's time.
        """
        self._source = source
        self._minute = first_minute
        self._now_ms = now_ms
        self._agg_id, self._trade_id = self._first_ids()

    @property
    def tick_e8(self) -> int:
        """A number that divides every price, in units of 1e-8."""
        return self._source.tick_e8

    @property
    def step_e8(self) -> int:
        """Smallest quantity of a fill, in units of 1e-8."""
        return self._source.step_e8

    @property
    def first_minute(self) -> int:
        """Minute in which trading begins."""
        return self._minute if self._has_begun else self._source.first_minute

    @property
    def end_minute(self) -> int:
        """Minute at which the market ends."""
        return self._source.end_minute

    def _first_ids(self) -> tuple[int, int]:
        trades = self._source.trades(self._minute)
        return trades.first_agg_id, int(trades.trade_id_edges[0])

    @property
    def _has_begun(self) -> bool:
        return self._now_ms() >= self._minute * MINUTE_MS

    def trades(self, minute: int) -> Trades:
        """Return the trades of one minute."""
        trades = self._source.trades(minute)
        if minute < self._minute:
            return trades
        return replace(
            trades,
            first_agg_id=trades.first_agg_id - self._agg_id,
            trade_id_edges=trades.trade_id_edges - self._trade_id,
        )

    def opening_e8(self, day: int) -> int:
        """Return the price at which a day begins, without making its candles."""
        return self._source.opening_e8(day)

    def candles(self, day: int) -> Candles:
        """Return the 1,440 one-minute candles of one day."""
        return self._renumbered(self._source.candles(day))

    def hours(self, day: int) -> Candles:
        """Return the 24 one-hour candles of one day."""
        return self._renumbered(self._source.hours(day))

    def whole_day(self, day: int) -> I64:
        """Return the candle of one day: a number for each field of Candles."""
        renumbered = self._renumbered(Candles(*self._source.whole_day(day)[:, None]))
        return np.concatenate([getattr(renumbered, field.name) for field in fields(Candles)])

    def _renumbered(self, candles: Candles) -> Candles:
        is_new = candles.open_ms >= self._minute * MINUTE_MS
        return replace(candles, first_trade_id=candles.first_trade_id - is_new * self._trade_id)

    def holds(self, minute: int) -> bool:
        """Return whether the trades of a minute are in memory."""
        return self._source.holds(minute)

    def minute_of(self, agg_id: int) -> int | None:
        """Return the minute of an aggregate trade, or None if no minute has this id."""
        if not self._has_begun:
            minute = self._source.minute_of(agg_id)
            return None if minute is None or minute >= self._minute else minute
        return self._source.minute_of(agg_id + self._agg_id) if agg_id >= 0 else None

    def agg_id_of(self, trade_id: int) -> int | None:
        """Return the aggregate of a trade by the trade's id, or None if no aggregate has it."""
        if not self._has_begun:
            return self._source.agg_id_of(trade_id)
        found = self._source.agg_id_of(trade_id + self._trade_id) if trade_id >= 0 else None
        return None if found is None else found - self._agg_id

    def halt(self, first_minute: int, end_minute: int) -> None:
        """Remove all trades from these minutes."""
        self._source.halt(first_minute, end_minute)
        # Trades of before the new beginning may be gone, and then it begins at an earlier id.
        self._agg_id, self._trade_id = self._first_ids()
