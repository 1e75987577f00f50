"""A linear model of the point, shrunk to zero until it has proven some skill."""

from math import sqrt
from typing import Any

from processors.features.features import POINT_NAMES, Features
from processors.models.light_river import compose, linear_model
from processors.models.scale import recent_log_variance, scale_of

# As strong as a thousand cases without a move. On 90 days of two symbols no regression of the point
# was better than the last price, so a weight has to be earned.
PRIOR = 1000.0
DOUBT = 2.0  # standard errors that the evidence must exceed
WIDEST = 6.0  # usual moves: a jump teaches no more than this
EVERY = 3  # minutes: the questions in between teach nearly the same


class Evidence:
    """The proven share of a point, 0 to 1, by which to multiply it.

    It is the regression coefficient of the outcome on the prediction, minus two standard errors. A
    point without skill gets zero. Questions about one candle share its close, so they count as one
    case, added when the next candle begins.

    >>> evidence = Evidence()
    >>> for _ in range(100):
    ...     evidence.learn_one(15, 0.1, 0.1)
    >>> round(evidence.share, 2)
    0.79
    """

    __slots__ = ("_agreement", "_candle", "_last_minutes", "_noise", "_size")

    def __init__(self) -> None:
        self._agreement = self._noise = self._size = self._candle = 0.0
        self._last_minutes = 0

    def learn_one(self, minutes: int, predicted: float, outcome: float) -> None:
        """Learn from one case, in units of the usual move; a candle's cases in order of time."""
        # Minutes to close count down within a candle: when they rise, the next one has begun.
        if minutes >= self._last_minutes:
            self._agreement += self._candle
            self._noise += self._candle**2
            self._candle = 0.0
        self._last_minutes = minutes
        self._candle += predicted * min(max(outcome, -WIDEST), WIDEST)
        self._size += predicted**2

    @property
    def share(self) -> float:
        """The share proven so far, 0 to 1."""
        if self._size <= 0:
            return 0.0
        proven = self._agreement - DOUBT * sqrt(self._noise)
        return min(max(proven / self._size, 0.0), 1.0)


class ShrunkPoint:
    """Linear regression of the return in units of the usual move."""

    __slots__ = ("_evidence", "_held", "_last_minutes", "_regression")

    def __init__(self) -> None:
        prior = linear_model.BayesianLinearRegression(alpha=PRIOR)
        self._regression = compose.FuncTransformer(_known) | prior
        self._evidence = Evidence()
        self._held: list[tuple[Features, float]] = []
        self._last_minutes = 0

    def predict_one(self, x: Features, minutes: int) -> float:
        """Return the expected log return."""
        share = self._evidence.share
        if share == 0.0:
            return 0.0
        moved = float(self._regression.predict_one(x))
        return share * moved * scale_of(recent_log_variance(x), minutes)

    def learn_one(self, x: Features, minutes: int, log_return: float) -> None:
        """Learn from one question; those of one candle wait until all of them have been judged."""
        if minutes % EVERY:
            return
        if minutes >= self._last_minutes:
            for held, moved in self._held:
                self._regression.learn_one(held, moved)
            self._held = []
        self._last_minutes = minutes
        usual = log_return / scale_of(recent_log_variance(x), minutes)
        moved = min(max(usual, -WIDEST), WIDEST)
        # Judge all questions of a candle by the old regression; only then does it learn from them.
        self._evidence.learn_one(minutes, float(self._regression.predict_one(x)), moved)
        self._held.append((x, moved))


def _known(x: dict[Any, Any]) -> dict[Any, Any]:
    """Return the features of the point; missing ones are neutral."""
    get = x.get
    return {name: get(name, 0.0) for name in POINT_NAMES}
