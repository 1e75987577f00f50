"""Candles in memory as an evaluation reads them from files."""

from collections.abc import Sequence
from functools import partial

from candlewick.offline.evaluation.past import Findings, Past, Source
from processors.prediction.replay import tick_of
from schemas.market import Candle
from schemas.timeframe import parse_interval


def held(candles: Sequence[Candle]) -> Source:
    first, last = candles[0], candles[-1]
    tick_e8 = tick_of(candles)
    interval = parse_interval(first.interval)
    of = (first.symbol, interval, first.open_ms, last.close_ms, len(candles), tick_e8, Findings())
    return partial(Past, *of, partial(iter, candles))
