"""Converts log returns to published prices: integers, multiples of the tick, in order."""

from math import exp

from processors.prediction.intervals import Offsets

FURTHEST = 2.0  # a log return of 2 is a factor of 7: further than any candle


def price_at(last_e8: int, log_return: float, tick_e8: int) -> int:
    """Return the price at a log return from ``last_e8``, rounded to a tick, at least one tick."""
    if not -FURTHEST < log_return < FURTHEST:
        log_return = min(max(log_return, -FURTHEST), FURTHEST)
    ticks = round(last_e8 * exp(log_return) / tick_e8)
    return ticks * tick_e8 if ticks else tick_e8


def interval_at(
    last_e8: int, point_e8: int, offsets: Offsets, tick_e8: int
) -> tuple[int, int, int, int]:
    """Return the prices of the quantiles 5, 25, 75 and 95 %, none on the wrong side of the point.

    If the point lies outside the interval, the interval is extended to it.
    """
    low_90, low_50, high_50, high_90 = [price_at(last_e8, o, tick_e8) for o in offsets]
    if low_90 <= low_50 <= point_e8 <= high_50 <= high_90:
        return low_90, low_50, high_50, high_90
    low_50, high_50 = min(low_50, point_e8), max(high_50, point_e8)
    return min(low_90, low_50), low_50, high_50, max(high_90, high_50)


def widened(offsets: Offsets, factor: float) -> Offsets:
    """Return the interval scaled by a factor around the last price."""
    low_90, low_50, high_50, high_90 = offsets
    return low_90 * factor, low_50 * factor, high_50 * factor, high_90 * factor
