"""Pages of past data: aggregate trades by id or time, klines by time."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from candlewick.exchange.market.columns import Candles, Trades, joined
from candlewick.exchange.market.intervals import MINUTE_MS, Interval
from candlewick.exchange.market.klines import klines
from candlewick.exchange.market.source import Source
from candlewick.exchange.server.query_params import MOST_ROWS, Range


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


def last_trade(source: Source, end_id: int) -> Trades | None:
    """Return the last aggregate trade before an id, as one row; None if there is none."""
    found = _run(source, end_id - 1, end_id)
    return found[0] if found else None


def fills(
    source: Source, from_id: int | None, limit: int, end_id: int
) -> list[tuple[Trades, int, int]]:
    """Return a page of trades, oldest first: aggregates, each with the first and end trade id.

    Args:
        source: Market of the symbol.
        from_id: First trade id of the page; None for the newest trades.
        limit: Most trades.
        end_id: First aggregate that has not happened yet.
    """
    last = last_trade(source, end_id)
    if last is None:
        return []
    end = int(last.trade_id_edges[-1])
    oldest = int(source.trades(source.first_minute).trade_id_edges[0])
    first = max(end - limit if from_id is None else from_id, oldest)
    end = min(end, first + limit)
    if first >= end:
        return []
    aggregates = source.agg_id_of(first), source.agg_id_of(end - 1)
    if None in aggregates:
        return []
    begin, stop = (found or 0 for found in aggregates)
    return [(part, first, end) for part in _run(source, begin, stop + 1)]


def kline_page(
    source: Source,
    wanted: Range,
    interval: Interval,
    *,
    visible_ms: int,
    go_on: Callable[[], None],
) -> Candles:
    """Return a page of klines, oldest first; `go_on` raises to end the work."""
    listed = interval.number_of(source.first_minute * MINUTE_MS)
    end_ms = visible_ms if wanted.end_ms is None else min(wanted.end_ms, visible_ms)
    last, reach = interval.number_of(end_ms), wanted.limit - 1
    if wanted.start_ms is None:
        first = max(last - reach, listed)
    else:
        # A start after the end gives no rows; it may be larger than any date.
        start_ms = min(wanted.start_ms, end_ms + 1)
        first = max(interval.number_of(start_ms - 1) + 1, listed)
        last = min(last, first + reach)
    first_ms, last_ms = interval.start_of(first), interval.start_of(last)
    return klines(source, interval, first_ms, last_ms, visible_ms=visible_ms, go_on=go_on)


def page_outside(
    page: Callable[[Range], Candles],
    wanted: Range,
    interval: Interval,
    stops: Sequence[tuple[int, int]],
) -> Candles:
    """Return a page without the klines of some periods, filled with those beyond them.

    Args:
        page: Returns a page of all klines.
        wanted: Times and limit of the page.
        interval: Interval of the klines.
        stops: Periods in which the symbol was not traded, half-open.
    """
    rows = page(wanted)
    found = rows.outside(stops, interval.ends(rows.open_ms))
    asked, is_newest = wanted, wanted.start_ms is None
    while len(found) < wanted.limit and len(rows) == asked.limit:
        # Whole pages from the second on: a halt may be much longer than what was asked for.
        if is_newest:
            asked = replace(asked, end_ms=int(rows.open_ms[0]) - 1, limit=MOST_ROWS)
        else:
            asked = replace(asked, start_ms=int(rows.open_ms[-1]) + 1, limit=MOST_ROWS)
        rows = page(asked)
        more = rows.outside(stops, interval.ends(rows.open_ms))
        found = joined([more, found] if is_newest else [found, more])
    first = max(len(found) - wanted.limit, 0) if is_newest else 0
    return found.span(first, first + wanted.limit)
