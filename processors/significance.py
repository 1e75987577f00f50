"""Skill of one model against another, with its standard error."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray


def newey_west_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of an autocorrelated series.

    Bartlett weights, with the usual lag of ``4 (n / 100) ^ (2/9)``. NaN for fewer than two values.

    Source: Newey and West, "A simple, positive semi-definite, heteroskedasticity and
    autocorrelation consistent covariance matrix", Econometrica 55 (1987).
    """
    count = len(values)
    if count < 2:  # noqa: PLR2004 - one value has no spread
        return float("nan")
    centred = values - values.mean()
    lags = min(int(4 * (count / 100) ** (2 / 9)), count - 1)
    variance = float(centred @ centred)
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag])
    return sqrt(max(variance, 0.0)) / count


def skill_with_error(
    loss: NDArray[np.float64], reference: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the skill ``1 - loss / reference`` and its standard error.

    Both arrays contain one loss per candle, of the same candles: questions about one candle share
    its close, so they count as one. NaN where the reference has no loss.

    Source: Diebold and Mariano, "Comparing predictive accuracy", Journal of Business and Economic
    Statistics 13 (1995).
    """
    bar = float(reference.mean()) if len(reference) else 0.0
    if bar <= 0:
        return float("nan"), float("nan")
    differences = reference - loss
    return float(differences.mean()) / bar, newey_west_error(differences) / bar


def better_pct(loss: float, reference: float) -> float:
    """Return by how much a loss is lower than the reference's, in percent; NaN without the latter.

    >>> better_pct(1.5, 2.0)
    25.0
    """
    return float(100 * (1 - loss / reference)) if reference > 0 else float("nan")
