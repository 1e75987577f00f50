"""Linear regressions of the log variance of the rest, one for each minute to close."""

from processors.features.features import NAMES, TRADE_NAMES, Features
from processors.models.regression import RecursiveLeastSquares
from processors.models.scale import recent_log_variance

INPUTS = NAMES + TRADE_NAMES
WIDEST = 5.0  # a jump teaches as much as a move of e^2.5 times the usual


class VarianceBank:
    """Learns how the variance of the rest differs from that of the last hour.

    Untaught it predicts the last hour's. No forgetting: it gains nothing in accuracy, and drift
    is answered with a fresh bank.
    """

    __slots__ = ("_regressions",)

    def __init__(self) -> None:
        self._regressions: dict[int, RecursiveLeastSquares] = {}

    def predict_one(self, x: Features, minutes: int) -> float:
        """Return the centred log variance a minute."""
        regression = self._regressions.get(minutes)
        usual = recent_log_variance(x)
        return usual + regression.predict_one(x) if regression else usual

    def learn_one(self, x: Features, minutes: int, log_variance: float) -> None:
        """Learn the centred log variance that was realised."""
        if minutes not in self._regressions:
            self._regressions[minutes] = RecursiveLeastSquares(INPUTS)
        excess = log_variance - recent_log_variance(x)
        self._regressions[minutes].learn_one(x, min(max(excess, -WIDEST), WIDEST))
