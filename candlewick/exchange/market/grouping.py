"""Combination of candles into longer ones, and of one minute's trades into its seconds."""

from typing import Final

import numpy as np

from candlewick.exchange.market.coins import E8
from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.intervals import DAY_MS, MINUTE_MS, SECOND_MS, Interval
from candlewick.exchange.market.random_by_address import I64

_SECONDS: Final = MINUTE_MS // SECOND_MS
_FAR: Final = np.iinfo(np.int64).max


def grouped(candles: Candles, interval: Interval) -> Candles:
    """Combine candles into those of an interval; only those with trades count for prices.

    The sums of klines longer than a day are Python integers in an array of objects: those of a
    busy month do not fit into 64 bits.
    """
    if not len(candles):
        return candles
    is_long = not 0 < interval.length_ms <= DAY_MS
    return _grouped(candles, interval.opens(candles.open_ms), is_long=is_long)


def combined(candles: Candles) -> Candles:
    """Combine all candles, of at most a day, into one."""
    return _grouped(candles, np.full(len(candles), candles.open_ms[0]), is_long=False)


def _grouped(candles: Candles, opens: I64, *, is_long: bool) -> Candles:
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    traded = candles.trades > 0
    some = np.logical_or.reduceat(traded, starts)
    place = np.where(traded, np.arange(len(candles)), _FAR)
    first = np.where(some, np.minimum.reduceat(place, starts), starts)
    high = np.maximum.reduceat(np.where(traded, candles.high_e8, -1), starts)
    low = np.minimum.reduceat(np.where(traded, candles.low_e8, _FAR), starts)
    ends = np.concatenate([starts[1:], [len(candles)]]) - 1

    def total(column: I64) -> I64:
        return np.add.reduceat(column.astype(object) if is_long else column, starts)

    return Candles(
        open_ms=opens[starts],
        open_e8=candles.open_e8[first],
        high_e8=np.where(some, high, candles.high_e8[starts]),
        low_e8=np.where(some, low, candles.low_e8[starts]),
        close_e8=candles.close_e8[ends],
        volume_e8=total(candles.volume_e8),
        quote_e8=total(candles.quote_e8),
        trades=total(candles.trades),
        taker_e8=total(candles.taker_e8),
        taker_quote_e8=total(candles.taker_quote_e8),
        first_trade_id=candles.first_trade_id[starts],
    )


def candle_of(trades: Trades, open_ms: int, last_close_e8: int, tick_e8: int) -> Candles:
    """Return the one candle of these trades; without any it is flat at `last_close_e8`."""
    price = trades.price_e8 if len(trades) else np.array([last_close_e8])
    worth, taken = _worth(trades, tick_e8), ~trades.buyer_maker
    quote = int(worth.sum()) * tick_e8 // E8
    taken_quote = int(worth[taken].sum()) * tick_e8 // E8
    edges = trades.trade_id_edges
    values = (open_ms, price[0], price.max(), price.min(), price[-1], trades.quantity_e8.sum())
    sums = (quote, edges[-1] - edges[0], trades.quantity_e8[taken].sum(), taken_quote, edges[0])
    return Candles(*(np.array([value], np.int64) for value in (*values, *sums)))


def _worth(trades: Trades, tick_e8: int) -> I64:
    # In ticks, because price times quantity in units of 1e-16 does not fit into 64 bits. A busy
    # minute of a cheap coin does not fit in ticks either: its sums are of Python integers.
    ticks, quantity = trades.price_e8 // tick_e8, trades.quantity_e8
    most = float(ticks.max(initial=0)) * float(quantity.sum(dtype=np.float64))
    return ticks * (quantity if most < _FAR / 2 else quantity.astype(object))


def seconds_of(trades: Trades, minute: int, last_close_e8: int, tick_e8: int) -> Candles:
    """Return the sixty candles of the seconds of one minute; each as `candle_of` gives it."""
    opens = minute * MINUTE_MS + np.arange(_SECONDS + 1, dtype=np.int64) * SECOND_MS
    rows = np.searchsorted(trades.time_ms, opens, side="left")
    # The price after so many trades: the close of a second, or what is before it.
    prices = np.concatenate([[last_close_e8], trades.price_e8])
    before, after = rows[:-1], rows[1:]
    some = before < after
    worth, taken = _worth(trades, tick_e8), ~trades.buyer_maker

    def reduced(how: np.ufunc, column: I64, otherwise: I64) -> I64:
        found = otherwise.copy()
        found[some] = how.reduceat(column, before[some])
        return found

    def total(column: I64) -> I64:
        return reduced(np.add, column, np.zeros(_SECONDS, column.dtype))

    def quote(column: I64) -> I64:
        exact = total(column).astype(object) * tick_e8 // E8
        return exact.astype(np.int64)

    return Candles(
        open_ms=opens[:-1],
        open_e8=np.where(some, prices[np.minimum(before + 1, len(trades))], prices[before]),
        high_e8=reduced(np.maximum, trades.price_e8, prices[before]),
        low_e8=reduced(np.minimum, trades.price_e8, prices[before]),
        close_e8=prices[after],
        volume_e8=total(trades.quantity_e8),
        quote_e8=quote(worth),
        trades=np.diff(trades.trade_id_edges[rows]),
        taker_e8=total(trades.quantity_e8 * taken),
        taker_quote_e8=quote(worth * taken),
        first_trade_id=trades.trade_id_edges[before],
    )
