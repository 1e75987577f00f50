"""One symbol of the generated market, computed for any minute, day or id in any order."""

from operator import attrgetter
from typing import Final

import numpy as np

from candlewick.exchange.market.assembly import candles_of, trades_of
from candlewick.exchange.market.cache import Cache
from candlewick.exchange.market.coins import Coin
from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.days import day_total, generated_day, recorded_day
from candlewick.exchange.market.intervals import DAY_MINUTES, day_of
from candlewick.exchange.market.minute_plan import Skeleton
from candlewick.exchange.market.minute_points import fills_of, points_of
from candlewick.exchange.market.price_path import LAST_DAY, path_of
from candlewick.exchange.market.random_by_address import I64, key_of
from candlewick.exchange.market.recorded import Recorded
from candlewick.exchange.market.sums import Sums

# Bytes of all symbols together. Each has an equal part, and always what its streams read: the
# plans and minutes of three days, the trades of three minutes.
_PLAN_BYTES: Final = 8 << 20
_MINUTE_BYTES: Final = 16 << 20
_HOUR_BYTES: Final = 8 << 20
_TRADE_BYTES: Final = 8 << 20
_FEWEST: Final = 3
_WEIGHT: Final = attrgetter("nbytes")


class GeneratedSymbol:
    """The trades and candles of one symbol as a pure function of seed, rate and minute.

    Only a halt can change it later, and only in minutes that no client has seen.
    """

    def __init__(
        self, coin: Coin, *, seed: int, rate: float, recorded: Recorded | None, symbols: int = 1
    ) -> None:
        """Set up the market.

        Args:
            coin: Coin of the symbol.
            seed: Seed of the market.
            rate: Aggregate trades a second of the whole default market.
            recorded: Real candles of some days, or None.
            symbols: Number of symbols that share the memory for what was made.
        """
        self.coin = coin
        self._seed = seed
        self._rate = rate
        self._first_day = day_of(coin.listed)
        self._recorded = recorded
        self._path = path_of(coin, seed, self._first_day, recorded)
        self._fills = fills_of(seed, coin.symbol)
        self._key = key_of(seed, coin.symbol, "point")
        self._halts: list[tuple[int, int]] = []
        self._skeletons: Cache[int, Skeleton] = Cache(
            _PLAN_BYTES // symbols, _WEIGHT, fewest=_FEWEST
        )
        self._candles: Cache[int, Candles] = Cache(
            _MINUTE_BYTES // symbols, _WEIGHT, fewest=_FEWEST
        )
        self._trades: Cache[int, Trades] = Cache(_TRADE_BYTES // symbols, _WEIGHT, fewest=_FEWEST)
        self._sums = Sums(
            # Not kept: a page of years must not push out the minutes that the streams read.
            lambda day: self._candles.found(day) or self._make_candles(day),
            self._first_day,
            LAST_DAY,
            most_bytes=_HOUR_BYTES // symbols,
        )
        # The first id of every day up to 2040, to find an id without making the days before it.
        self._day_ids = self._count()

    @property
    def tick_e8(self) -> int:
        """Price step in units of 1e-8."""
        return self.coin.tick_e8

    @property
    def step_e8(self) -> int:
        """Quantity step in units of 1e-8."""
        return self.coin.step_e8

    @property
    def first_minute(self) -> int:
        """Minute of the listing, counted from 1970-01-01."""
        return self._first_day * DAY_MINUTES

    @property
    def end_minute(self) -> int:
        """Minute at which the generated market ends, counted from 1970-01-01."""
        return LAST_DAY * DAY_MINUTES

    def halt(self, first_minute: int, end_minute: int) -> None:
        """Remove all trades from these minutes; later ids stay consecutive."""
        self._halts.append((first_minute, end_minute))
        for cache in (self._skeletons, self._candles, self._trades, self._sums):
            cache.clear()
        self._day_ids = self._count()

    def day(self, day: int) -> Skeleton:
        """Return the minutes of one day, without their trades."""
        return self._skeletons.get(day, lambda: self._with_halts(day))

    def opening_e8(self, day: int) -> int:
        """Return the price at which a day begins, without making its candles."""
        if self._recorded is not None and self._recorded.holds(day):
            row = (day - self._recorded.first_day) * DAY_MINUTES
            return int(self._recorded.open[row]) * self.coin.tick_e8
        return int(self._path.boundary[day - self._first_day]) * self.coin.tick_e8

    def candles(self, day: int) -> Candles:
        """Return the 1,440 one-minute candles of one day."""
        return self._candles.get(day, lambda: self._make_candles(day))

    def hours(self, day: int) -> Candles:
        """Return the 24 one-hour candles of one day."""
        return self._sums.hours(day)

    def whole_day(self, day: int) -> I64:
        """Return the candle of one day: a number for each field of Candles."""
        return self._sums.day(day)

    def trades(self, minute: int) -> Trades:
        """Return the trades of one minute."""
        return self._trades.get(minute, lambda: self._make_trades(minute))

    def holds(self, minute: int) -> bool:
        """Return whether the trades of a minute are cached."""
        return minute in self._trades

    def minute_of(self, agg_id: int) -> int | None:
        """Return the minute of an aggregate trade, or None if no minute has this id."""
        if not 0 <= agg_id < self._day_ids[-1]:
            return None
        day = int(np.searchsorted(self._day_ids, agg_id, side="right")) - 1 + self._first_day
        edges = self._minute_ids(day)
        return day * DAY_MINUTES + int(np.searchsorted(edges, agg_id, side="right")) - 1

    def agg_id_of(self, trade_id: int) -> int | None:
        """Return the aggregate of a trade by the trade's id, or None if no aggregate has it."""
        found = self._fills.agg_id_of(trade_id)
        return found if 0 <= found < self._day_ids[-1] else None

    def _minute_ids(self, day: int) -> I64:
        start = int(self._day_ids[day - self._first_day])
        return np.concatenate([[start], start + np.cumsum(self.day(day).aggregates)])

    def _make_candles(self, day: int) -> Candles:
        skeleton = self.day(day)
        ids = self._minute_ids(day)[:-1]
        points = points_of(skeleton, ids, self._fills, self._key)
        return candles_of(self.coin, skeleton, points, self._fills)

    def _make_trades(self, minute: int) -> Trades:
        day, place = divmod(minute, DAY_MINUTES)
        skeleton = self.day(day).span(place, place + 1)
        ids = self._minute_ids(day)[place : place + 1]
        points = points_of(skeleton, ids, self._fills, self._key)
        return trades_of(self.coin, self._seed, skeleton, points, self._fills)

    def _untouched(self, day: int) -> Skeleton:
        if self._recorded is not None and self._recorded.holds(day):
            return recorded_day(self.coin, self._recorded, day, self._rate)
        return generated_day(self.coin, self._seed, self._path, day, self._rate)

    def _with_halts(self, day: int) -> Skeleton:
        skeleton = self._untouched(day)
        minutes = np.arange(day * DAY_MINUTES, (day + 1) * DAY_MINUTES)
        mask = np.zeros(DAY_MINUTES, np.bool_)
        for first, end in self._halts:
            mask |= (minutes >= first) & (minutes < end)
        if not mask.any():
            return skeleton
        listed = day == self._first_day
        last_close = skeleton.open[0] if listed else self.day(day - 1).close[-1]
        return skeleton.halted(mask, int(last_close))

    def _count(self) -> I64:
        days = np.arange(self._first_day, LAST_DAY, dtype=np.int64)
        counts = day_total(self.coin, self._seed, self._rate, days)
        special = {day for first, end in self._halts for day in self._days_of(first, end)}
        if self._recorded is not None:
            special |= set(range(self._recorded.first_day, self._recorded.end_day))
        for day in sorted(special):
            counts[day - self._first_day] = int(self._with_halts(day).aggregates.sum())
        return np.concatenate([[0], np.cumsum(counts)])

    def _days_of(self, first_minute: int, end_minute: int) -> range:
        first, last = first_minute // DAY_MINUTES, (end_minute - 1) // DAY_MINUTES
        return range(max(first, self._first_day), min(last + 1, LAST_DAY))
