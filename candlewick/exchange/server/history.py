"""Pages of past data: aggregate trades by id or time, klines by time."""

import numpy as np

from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.intervals import MINUTE_MS, open_of
from candlewick.exchange.market.klines import klines
from candlewick.exchange.market.source import Source
from candlewick.exchange.server.query_params import Range


def next_agg_id(source: Source, at_ms: int) -> int:
    """Return the id of the first aggregate trade at or after a moment."""
    minute = min(max(at_ms // MINUTE_MS, source.first_minute), source.end_minute - 1)
    trades = source.trades(minute)
    return trades.first_agg_id + int(np.searchsorted(trades.time_ms, at_ms, side="left"))


def agg_trades(source: Source, wanted: Range, from_id: int | None, end_id: int) -> list[Trades]:
    """Return a page of aggregate trades, oldest first.

    Args:
        source: Market of the symbol.
        wanted: Times and limit of the page.
        from_id: First id of the page; excludes times.
        end_id: First id that has not happened yet.
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


def kline_page(source: Source, wanted: Range, interval_ms: int, *, visible_ms: int) -> Candles:
    """Return a page of klines, oldest first."""
    listed_ms = open_of(source.first_minute * MINUTE_MS, interval_ms)
    end_ms = visible_ms if wanted.end_ms is None else min(wanted.end_ms, visible_ms)
    last = open_of(end_ms, interval_ms)
    reach = (wanted.limit - 1) * interval_ms
    if wanted.start_ms is None:
        first = max(last - reach, listed_ms)
    else:
        first = max(open_of(wanted.start_ms + interval_ms - 1, interval_ms), listed_ms)
        last = min(last, first + reach)
    return klines(source, interval_ms, first, last, visible_ms=visible_ms)
