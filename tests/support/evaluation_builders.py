"""Candles in memory as an evaluation reads them from files."""

from collections.abc import Sequence
from functools import partial

from candlewick.offline.evaluation.past import Findings, Past, Source
from schemas.market import Candle
from schemas.timeframe import parse_interval


def held(candles: Sequence[Candle]) -> Source:
    first, last = candles[0], candles[-1]
    interval = parse_interval(first.interval)
    of = (first.symbol, interval, first.open_ms, last.close_ms, len(candles), Findings())
    return partial(Past, *of, partial(iter, candles))
