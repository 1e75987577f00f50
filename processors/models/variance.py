"""Regressions of the log variance until the close in River, one per number of minutes left."""

from operator import itemgetter
from typing import Any

from processors.features.features import NAMES, TRADE_NAMES, Features
from processors.models.light_river import compose, linear_model, preprocessing
from processors.models.scale import recent_log_variance

INPUTS = NAMES + TRADE_NAMES
_named = itemgetter(*INPUTS)  # twice as fast as asking one by one; most often all are there
_NEUTRAL = [0.0] * len(INPUTS)
WIDEST = 5.0  # a larger jump counts like a move of e^2.5 times the usual


def regression() -> compose.Pipeline:
    """Return a regression that has learned nothing.

    The features need no scaler, because all are logarithms near zero, and scaling them by moments
    that are still being learned spoils the first days for good (docs/decisions.md).

    >>> model = regression()
    >>> for i in range(200):
    ...     season = i % 5 - 2
    ...     model.learn_one({"bias": 1.0, "season": season}, 0.5 * season + 1)
    >>> round(model.predict_one({"bias": 1.0, "season": 4.0}), 1)
    3.0
    """
    scaled = preprocessing.TargetStandardScaler(linear_model.BayesianLinearRegression())
    return compose.FuncTransformer(_known) | scaled


class VarianceBank:
    """Learns how the variance until the close differs from that of the last hour.

    Before it has learned, it predicts the last hour's variance. It does not forget: that gains
    no accuracy, and the answer to drift is a fresh bank.
    """

    __slots__ = ("_regressions",)

    def __init__(self) -> None:
        self._regressions: dict[int, compose.Pipeline] = {}

    def predict_one(self, x: Features, minutes: int) -> float:
        """Return the expected centred log variance per minute."""
        model = self._regressions.get(minutes)
        usual = recent_log_variance(x)
        return usual + float(model.predict_one(x)) if model else usual

    def learn_one(self, x: Features, minutes: int, log_variance: float) -> None:
        """Learn from the realised centred log variance per minute."""
        if minutes not in self._regressions:
            self._regressions[minutes] = regression()
        excess = log_variance - recent_log_variance(x)
        self._regressions[minutes].learn_one(x, min(max(excess, -WIDEST), WIDEST))


def _known(x: dict[Any, Any]) -> dict[Any, Any]:
    """Return the inputs in one order; missing ones are neutral, and other names are left out."""
    try:
        return dict(zip(INPUTS, _named(x), strict=True))
    except KeyError:
        return dict(zip(INPUTS, map(x.get, INPUTS, _NEUTRAL), strict=True))
