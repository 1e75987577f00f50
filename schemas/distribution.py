"""The distribution of a predicted close: the chance to close at or above a price, from quantiles.

Between two quantiles the normal score is interpolated; beyond the outer ones it goes on with the
mean slope between the quartile and the outer quantile, because the tails are longer than normal.
Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import erfc, log, sqrt
from statistics import NormalDist

from schemas.predictions import LEVELS, Prediction

LEAST_CHANCE = 1e-4  # nothing is certain; it keeps the logarithm of a chance finite
_MOST_CHANCE = 1 - LEAST_CHANCE
_FURTHEST = 4.0  # normal scores, of a price that has not moved: beyond the least chance
_SCORES = tuple(NormalDist().inv_cdf(level) for level in LEVELS)
_QUARTILE = LEVELS.index(0.75)
_ROOT_HALF = sqrt(0.5)


def normal_score(quantiles: Sequence[float], value: float) -> float:
    """Return the normal score of a value: how many standard deviations it lies above the median.

    Args:
        quantiles: Values of the quantiles `LEVELS`, in ascending order; may be equal.
        value: In the same unit.
    """
    above = bisect_right(quantiles, value)
    if above and quantiles[above - 1] == value:  # exactly at one or more quantiles: their middle
        return (_SCORES[bisect_left(quantiles, value)] + _SCORES[above - 1]) / 2
    if above == 0:
        return -_beyond(quantiles[0], quantiles[-1 - _QUARTILE], value)
    if above == len(_SCORES):
        return _beyond(quantiles[-1], quantiles[_QUARTILE], value)
    low, high = quantiles[above - 1], quantiles[above]
    share = (value - low) / (high - low)
    return _SCORES[above - 1] + share * (_SCORES[above] - _SCORES[above - 1])


def chance_above(score: float) -> float:
    """Return the chance of a close at or above the value that has this normal score."""
    return bounded(0.5 * erfc(score * _ROOT_HALF))


def bounded(chance: float) -> float:
    """Return a chance that is neither nothing nor certain."""
    if LEAST_CHANCE < chance < _MOST_CHANCE:
        return chance
    return min(max(chance, LEAST_CHANCE), _MOST_CHANCE)


def chance_at_or_above(prediction: Prediction, price_e8: int) -> float | None:
    """Return the chance that the candle closes at or above a price.

    At the candle's open it is the published ``chance_up``. That one was calibrated on outcomes, so
    all normal scores are shifted until the quantiles agree with it.

    Returns:
        A probability from 0.0001 to 0.9999; None for a prediction without the outer quantiles.
    """
    quantiles = [log(quantile) for quantile in prediction.quantiles_e8]
    if not quantiles:
        return None
    score = normal_score(quantiles, log(price_e8))
    if prediction.chance_up is not None:
        # The open of a candle that has not begun is expected at the last price.
        open_e8 = prediction.open_e8 or prediction.last_price_e8
        claimed = NormalDist().inv_cdf(1 - prediction.chance_up)
        score += claimed - normal_score(quantiles, log(open_e8))
    return chance_above(score)


def _beyond(outer: float, quartile: float, value: float) -> float:
    """Return the size of the normal score of a value beyond an outer quantile."""
    width = abs(outer - quartile)
    if width <= 0:
        return _FURTHEST
    slope = (_SCORES[-1] - _SCORES[_QUARTILE]) / width
    return _SCORES[-1] + slope * abs(value - outer)
