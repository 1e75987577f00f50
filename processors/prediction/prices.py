"""Converts log returns to published prices: integers, multiples of the tick, in order."""

from math import exp
from typing import cast

from processors.prediction.intervals import MIDDLE, Offsets

FURTHEST = 2.0  # a log return of 2 is a factor of 7: further than any candle


def price_at(last_e8: int, log_return: float, tick_e8: int) -> int:
    """Return the price at a log return from ``last_e8``, rounded to a tick, at least one tick."""
    if not -FURTHEST < log_return < FURTHEST:
        log_return = min(max(log_return, -FURTHEST), FURTHEST)
    ticks = round(last_e8 * exp(log_return) / tick_e8)
    return ticks * tick_e8 if ticks else tick_e8


def prices_at(last_e8: int, offsets: Offsets, tick_e8: int) -> list[int]:
    """Return the prices of all quantiles, in order like the offsets."""
    if offsets[0] > -FURTHEST and offsets[-1] < FURTHEST:
        # As `price_at`, in half the time: a replay asks for a million prices a symbol.
        last, tick = float(last_e8), float(tick_e8)
        return [round(last * exp(offset) / tick) * tick_e8 or tick_e8 for offset in offsets]
    return [price_at(last_e8, offset, tick_e8) for offset in offsets]


def widened(offsets: Offsets, factor: float) -> Offsets:
    """Return the interval scaled by a factor around the last price, and the same point.

    If the point lies outside a scaled interval, that one is extended to it.
    """
    point = offsets[MIDDLE]
    lower = [min(offset * factor, point) for offset in offsets[:MIDDLE]]
    upper = [max(offset * factor, point) for offset in offsets[MIDDLE + 1 :]]
    return cast("Offsets", (*lower, point, *upper))
