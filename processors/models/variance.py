"""Linear regressions of the log variance until the close, one per number of minutes left."""

from processors.features.features import NAMES, TRADE_NAMES, Features
from processors.models.regression import RecursiveLeastSquares
from processors.models.scale import recent_log_variance

INPUTS = NAMES + TRADE_NAMES
WIDEST = 5.0  # a larger jump counts like a move of e^2.5 times the usual


class VarianceBank:
    """Learns how the variance until the close differs from that of the last hour.

    Before it has learned, it predicts the last hour's variance. It does not forget: that gains
    no accuracy, and the answer to drift is a fresh bank.
    """

    __slots__ = ("_regressions",)

    def __init__(self) -> None:
        self._regressions: dict[int, RecursiveLeastSquares] = {}

    def predict_one(self, x: Features, minutes: int) -> float:
        """Return the expected centred log variance per minute."""
        regression = self._regressions.get(minutes)
        usual = recent_log_variance(x)
        return usual + regression.predict_one(x) if regression else usual

    def learn_one(self, x: Features, minutes: int, log_variance: float) -> None:
        """Learn from the realised centred log variance per minute."""
        if minutes not in self._regressions:
            self._regressions[minutes] = RecursiveLeastSquares(INPUTS)
        excess = log_variance - recent_log_variance(x)
        self._regressions[minutes].learn_one(x, min(max(excess, -WIDEST), WIDEST))
