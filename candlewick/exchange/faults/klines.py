"""Klines as the exchange has had them wrong: off the grid, impossible, lacking, too early."""

from collections.abc import Callable, Iterable
from dataclasses import fields, replace

import numpy as np

from candlewick.exchange.faults.faults import Klines
from candlewick.exchange.market.columns import Candles
from candlewick.exchange.market.intervals import Interval

Change = Callable[[Candles], Candles]


def unchanged(rows: Candles) -> Candles:
    """Return the rows as they are."""
    return rows


def changed_by(faults: Iterable[Klines], interval: Interval, *, now_ms: int) -> Change:
    """Return what these faults make of klines, each of the rows that open in its time."""
    armed = list(faults)

    def change(rows: Candles) -> Candles:
        for fault in armed:
            rows = _changed(rows, fault, interval, now_ms)
        return rows

    return change if armed else unchanged


def _changed(rows: Candles, fault: Klines, interval: Interval, now_ms: int) -> Candles:
    hit = (rows.open_ms >= fault.first_ms) & (rows.open_ms <= fault.last_ms)
    if fault.how == "off-grid":
        return replace(rows, open_ms=rows.open_ms + hit * fault.by)
    if fault.how == "impossible":
        return replace(rows, high_e8=np.where(hit, rows.low_e8 - 1, rows.high_e8))
    if fault.how == "wrong":
        return replace(rows, volume_e8=rows.volume_e8 + hit * fault.by, trades=rows.trades + hit)
    if fault.how == "early":
        hit &= interval.ends(rows.open_ms) + fault.by > now_ms
        return replace(rows, volume_e8=np.where(hit, rows.volume_e8 // 2, rows.volume_e8))
    return Candles(*(getattr(rows, field.name)[~hit] for field in fields(rows)))
