"""Klines of any interval, made from minutes; an open one from its trades so far."""

import numpy as np

from candlewick.exchange.market.coins import E8
from candlewick.exchange.market.columns import Candles, Trades, joined
from candlewick.exchange.market.intervals import DAY_MINUTES, MINUTE_MS, open_of
from candlewick.exchange.market.random_by_address import I64
from candlewick.exchange.market.source import Source

_FAR = np.iinfo(np.int64).max


def klines(
    source: Source, interval_ms: int, first_ms: int, last_ms: int, *, visible_ms: int
) -> Candles:
    """Return the klines that open between two moments, both included.

    Args:
        source: Market of the symbol.
        interval_ms: Length of a kline.
        first_ms: Earliest opening time.
        last_ms: Latest opening time.
        visible_ms: Present moment: the kline that contains it is open, and made of the trades up
            to it.
    """
    start_ms = max(first_ms, open_of(source.first_minute * MINUTE_MS, interval_ms))
    first_open = open_of(start_ms + interval_ms - 1, interval_ms)
    last_open = open_of(min(last_ms, visible_ms), interval_ms)
    begin = max(first_open // MINUTE_MS, source.first_minute)
    end = min((last_open + interval_ms) // MINUTE_MS, visible_ms // MINUTE_MS + 1)
    return grouped(minute_candles(source, begin, end, visible_ms=visible_ms), interval_ms)


def minute_candles(source: Source, begin: int, end: int, *, visible_ms: int) -> Candles:
    """Return the one-minute candles from minute `begin` up to `end`."""
    closed_end = min(end, (visible_ms + 1) // MINUTE_MS)
    parts = [_day_part(source, day, begin, closed_end) for day in _days(begin, closed_end)]
    if begin < end and closed_end < end:
        parts.append(open_minute(source, visible_ms))
    return joined(parts)


def open_minute(source: Source, visible_ms: int) -> Candles:
    """Return the candle so far of the minute that contains `visible_ms`."""
    minute = visible_ms // MINUTE_MS
    day, place = divmod(minute, DAY_MINUTES)
    whole = source.candles(day).span(place, place + 1)
    before = int(whole.open_e8[0])
    if minute > source.first_minute:
        day, place = divmod(minute - 1, DAY_MINUTES)
        before = int(source.candles(day).close_e8[place])
    return candle_of(source.trades(minute).until(visible_ms), minute * MINUTE_MS, before, source)


def candle_of(trades: Trades, open_ms: int, last_close_e8: int, source: Source) -> Candles:
    """Return the one candle of these trades; without any it is flat at `last_close_e8`."""
    price = trades.price_e8 if len(trades) else np.array([last_close_e8])
    # In ticks, because price times quantity in units of 1e-16 does not fit into 64 bits.
    ticks, taken = trades.price_e8 // source.tick_e8, ~trades.buyer_maker
    quote = int((ticks * trades.quantity_e8).sum()) * source.tick_e8 // E8
    taken_quote = int((ticks * trades.quantity_e8)[taken].sum()) * source.tick_e8 // E8
    edges = trades.trade_id_edges
    values = (open_ms, price[0], price.max(), price.min(), price[-1], trades.quantity_e8.sum())
    sums = (quote, edges[-1] - edges[0], trades.quantity_e8[taken].sum(), taken_quote, edges[0])
    return Candles(*(np.array([value], np.int64) for value in (*values, *sums)))


def grouped(minutes: Candles, interval_ms: int) -> Candles:
    """Combine minutes into longer candles; only minutes with trades count for prices."""
    if interval_ms == MINUTE_MS or not len(minutes):
        return minutes
    opens = minutes.open_ms - (minutes.open_ms - open_of(0, interval_ms)) % interval_ms
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    traded = minutes.trades > 0
    some = np.logical_or.reduceat(traded, starts)
    place = np.where(traded, np.arange(len(minutes)), _FAR)
    first = np.where(some, np.minimum.reduceat(place, starts), starts)
    high = np.maximum.reduceat(np.where(traded, minutes.high_e8, -1), starts)
    low = np.minimum.reduceat(np.where(traded, minutes.low_e8, _FAR), starts)
    ends = np.concatenate([starts[1:], [len(minutes)]]) - 1

    def total(column: I64) -> I64:
        return np.asarray(np.add.reduceat(column, starts), dtype=np.int64)

    return Candles(
        open_ms=opens[starts],
        open_e8=minutes.open_e8[first],
        high_e8=np.where(some, high, minutes.high_e8[starts]),
        low_e8=np.where(some, low, minutes.low_e8[starts]),
        close_e8=minutes.close_e8[ends],
        volume_e8=total(minutes.volume_e8),
        quote_e8=total(minutes.quote_e8),
        trades=total(minutes.trades),
        taker_e8=total(minutes.taker_e8),
        taker_quote_e8=total(minutes.taker_quote_e8),
        first_trade_id=minutes.first_trade_id[starts],
    )


def _days(begin: int, end: int) -> range:
    return range(begin // DAY_MINUTES, (end - 1) // DAY_MINUTES + 1) if begin < end else range(0)


def _day_part(source: Source, day: int, begin: int, end: int) -> Candles:
    first = day * DAY_MINUTES
    return source.candles(day).span(max(begin - first, 0), min(end - first, DAY_MINUTES))
