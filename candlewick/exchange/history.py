"""Pages of the past: aggregate trades by id or time, klines by time."""

import asyncio

import numpy as np

from candlewick.exchange.columns import Candles, Trades, joined
from candlewick.exchange.intervals import DAY_MS, MINUTE_MS, open_of
from candlewick.exchange.klines import klines
from candlewick.exchange.params import Range
from candlewick.exchange.source import Source


def next_agg_id(source: Source, at_ms: int) -> int:
    """Return the id of the first aggregate trade at or after a moment."""
    minute = min(max(at_ms // MINUTE_MS, source.first_minute), source.end_minute - 1)
    trades = source.trades(minute)
    return trades.first_agg_id + int(np.searchsorted(trades.time_ms, at_ms, side="left"))


def agg_trades(source: Source, wanted: Range, from_id: int | None, end_id: int) -> list[Trades]:
    """Return a page of aggregate trades, oldest first.

    Args:
        source: The symbol.
        wanted: Times and limit.
        from_id: First id of the page; then there are no times.
        end_id: The first id that has not happened yet.
    """
    if wanted.end_ms is not None:
        end_id = min(end_id, next_agg_id(source, wanted.end_ms + 1))
    if from_id is not None:
        first = from_id
    elif wanted.start_ms is not None:
        first = next_agg_id(source, wanted.start_ms)
    else:
        first = max(end_id - wanted.limit, next_agg_id(source, 0))
    return _run(source, first, min(end_id, first + wanted.limit))


def _run(source: Source, first: int, end: int) -> list[Trades]:
    parts = []
    while first < end and (minute := source.minute_of(first)) is not None:
        trades = source.trades(minute)
        part = trades.span(first - trades.first_agg_id, end - trades.first_agg_id)
        parts.append(part)
        first += len(part)
    return parts


async def kline_page(
    source: Source, wanted: Range, interval_ms: int, *, visible_ms: int
) -> Candles:
    """Return a page of klines, oldest first; other work goes on between its days."""
    listed_ms = open_of(source.first_minute * MINUTE_MS, interval_ms)
    last = open_of(
        visible_ms if wanted.end_ms is None else min(wanted.end_ms, visible_ms), interval_ms
    )
    if wanted.start_ms is None:
        first = max(last - (wanted.limit - 1) * interval_ms, listed_ms)
    else:
        first = max(open_of(wanted.start_ms + interval_ms - 1, interval_ms), listed_ms)
        last = min(last, first + (wanted.limit - 1) * interval_ms)
    parts = []
    step = max(DAY_MS, interval_ms)
    for at in range(open_of(first, step), last + 1, step):
        end = min(last, at + step - 1)
        parts.append(klines(source, interval_ms, max(first, at), end, visible_ms=visible_ms))
        await asyncio.sleep(0)
    return joined(parts)
