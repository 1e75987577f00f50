"""A closed candle as the models see it: floats, and a check whether it is usable.

Exact integers end here. Nothing after this module is exact, and nothing needs to be.
"""

from dataclasses import dataclass
from math import log

from schemas.market import Candle, CandleStatus
from schemas.quick_records import quick
from schemas.timeframe import MINUTE_MS

E8 = 1e-8
PARKINSON = 4 * log(2)  # a random walk's squared range over its variance


@quick
@dataclass(frozen=True, slots=True)
class Bar:
    """One closed candle of 1 or 15 minutes.

    Attributes:
        minutes: Length, in minutes.
        high: Highest price, that of the previous close included; ``low`` is the lowest.
        log_return: ``ln(close / previous close)``.
        variance: Parkinson's estimate of the variance per minute, including the step from the
            previous close.
        volume: Volume in the base asset.
        trades: Number of trades; None if there are none or their volume is zero.
        imbalance: Share of the volume bought by takers minus the share sold, -1 to 1; or None.
        inner_variance: Realised variance per minute from trade to trade; None if unknown.
    """

    open_ms: int
    minutes: int
    close: float
    high: float
    low: float
    log_return: float
    variance: float
    volume: float
    trades: int | None
    imbalance: float | None
    inner_variance: float | None


def is_usable(candle: Candle) -> bool:
    """Return whether a candle is usable: no trades are missing and all prices are positive."""
    prices = candle.low_e8, candle.open_e8, candle.close_e8, candle.high_e8
    return candle.status != CandleStatus.GAPPED and min(prices) > 0


def bar_of(candle: Candle, previous_close_e8: int) -> Bar:
    """Return the bar of a usable candle; ``previous_close_e8`` must be positive.

    Source: Parkinson, "The extreme value method for estimating the variance of the rate of
    return", Journal of Business 53 (1980).
    """
    minutes = (candle.close_ms - candle.open_ms) // MINUTE_MS
    high = max(candle.high_e8, previous_close_e8)
    low = min(candle.low_e8, previous_close_e8)
    counted = candle.trade_count > 0 and candle.volume_e8 > 0
    bought = 2 * candle.taker_buy_volume_e8 / candle.volume_e8 - 1 if counted else None
    return Bar(
        open_ms=candle.open_ms,
        minutes=minutes,
        close=candle.close_e8 * E8,
        high=high * E8,
        low=low * E8,
        log_return=log(candle.close_e8 / previous_close_e8),
        variance=log(high / low) ** 2 / PARKINSON / minutes,
        volume=candle.volume_e8 * E8,
        trades=candle.trade_count if counted else None,
        imbalance=bought,
        inner_variance=_inner_variance(candle, minutes),
    )


def garman_klass(bar: Bar) -> float:
    """Return a better estimate of the variance per minute than Parkinson's, from the close too.

    Source: Garman and Klass, "On the estimation of security price volatilities from historical
    data", Journal of Business 53 (1980).
    """
    of_close = (2 * log(2) - 1) * bar.log_return**2 / bar.minutes
    return max(PARKINSON / 2 * bar.variance - of_close, 0.0)


def _inner_variance(candle: Candle, minutes: int) -> float | None:
    if candle.price_variation_e16 is None:
        return None
    return candle.price_variation_e16 / candle.close_e8**2 / minutes
