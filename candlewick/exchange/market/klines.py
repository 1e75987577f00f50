"""Klines of any interval, made from the longest whole pieces; an open one from its trades too."""

from collections.abc import Callable
from typing import Final

import numpy as np

from candlewick.exchange.market.columns import Candles, joined
from candlewick.exchange.market.grouping import candle_of, grouped, seconds_of
from candlewick.exchange.market.intervals import (
    DAY_MINUTES,
    DAY_MS,
    HOUR_MS,
    INTERVALS,
    MINUTE_MS,
    Interval,
)
from candlewick.exchange.market.source import Source

_HOUR_MINUTES: Final = 60


def _on() -> None:
    pass


def klines(
    source: Source,
    interval: Interval,
    first_ms: int,
    last_ms: int,
    *,
    visible_ms: int,
    go_on: Callable[[], None] = _on,
) -> Candles:
    """Return the klines that open between two moments, both included.

    Args:
        source: Market of the symbol.
        interval: Interval of the klines.
        first_ms: Earliest opening time.
        last_ms: Latest opening time.
        visible_ms: Present moment: the kline that contains it is open, and made of the trades up
            to it.
        go_on: Called before each day; it raises to end the work.
    """
    listed_ms, last_ms = source.first_minute * MINUTE_MS, min(last_ms, visible_ms)
    first_open = interval.next_open(max(first_ms, interval.open_of(listed_ms)))
    if first_open > last_ms:
        return joined([])
    begin = max(first_open, listed_ms) // MINUTE_MS
    if begin >= source.end_minute:
        return joined([])
    if 0 < interval.length_ms < MINUTE_MS:
        rows = _seconds(source, begin, last_ms, visible_ms)
        start, stop = np.searchsorted(rows.open_ms, (first_open, last_ms + 1), side="left")
        return rows.span(int(start), int(stop))
    end = min(interval.end_of(last_ms) // MINUTE_MS, visible_ms // MINUTE_MS + 1)
    return grouped(_candles(source, interval, begin, end, visible_ms, go_on), interval)


def minute_candles(source: Source, begin: int, end: int, *, visible_ms: int) -> Candles:
    """Return the one-minute candles from minute `begin` up to `end`."""
    return _candles(source, INTERVALS["1m"], begin, end, visible_ms, _on)


def open_minute(source: Source, visible_ms: int) -> Candles:
    """Return the candle so far of the minute that contains `visible_ms`."""
    minute = visible_ms // MINUTE_MS
    trades = source.trades(minute).until(visible_ms)
    return candle_of(trades, minute * MINUTE_MS, _close_before(source, minute), source.tick_e8)


def _close_before(source: Source, minute: int) -> int:
    if minute > source.first_minute:
        day, place = divmod(minute - 1, DAY_MINUTES)
        return int(source.candles(day).close_e8[place])
    day, place = divmod(minute, DAY_MINUTES)
    return int(source.candles(day).open_e8[place])


def _seconds(source: Source, begin: int, last_ms: int, visible_ms: int) -> Candles:
    close_e8, rows = _close_before(source, begin), []
    for minute in range(begin, min(last_ms // MINUTE_MS + 1, source.end_minute)):
        trades = source.trades(minute).until(visible_ms)
        rows.append(seconds_of(trades, minute, close_e8, source.tick_e8))
        close_e8 = int(rows[-1].close_e8[-1])
    return joined(rows)


def _candles(  # noqa: PLR0917 - the two callers are above
    source: Source,
    interval: Interval,
    begin: int,
    end: int,
    visible_ms: int,
    go_on: Callable[[], None],
) -> Candles:
    end = min(end, source.end_minute)
    if begin >= end:  # before the listing, or after the end of the market
        return joined([])
    closed_end = min(end, (visible_ms + 1) // MINUTE_MS)
    parts = []
    for day in range(begin // DAY_MINUTES, -(-closed_end // DAY_MINUTES)):
        go_on()
        first = day * DAY_MINUTES
        start, stop = max(begin - first, 0), min(closed_end - first, DAY_MINUTES)
        parts += _day_parts(source, interval, day, start, stop)
    if closed_end < end:
        parts.append(open_minute(source, visible_ms))
    return joined(parts)


def _day_parts(
    source: Source, interval: Interval, day: int, start: int, stop: int
) -> list[Candles]:
    # The day or its hours where the interval has such: they are kept, and there are fewer.
    if interval.length_ms % DAY_MS == 0 and (start, stop) == (0, DAY_MINUTES):
        return [Candles(*source.whole_day(day)[:, None])]
    first, end = -(-start // _HOUR_MINUTES), stop // _HOUR_MINUTES
    if interval.length_ms % HOUR_MS or first >= end:
        return [source.candles(day).span(start, stop)]
    parts = [source.hours(day).span(first, end)]
    if start < first * _HOUR_MINUTES:
        parts.insert(0, source.candles(day).span(start, first * _HOUR_MINUTES))
    if end * _HOUR_MINUTES < stop:
        parts.append(source.candles(day).span(end * _HOUR_MINUTES, stop))
    return parts
