"""The reference model: the last price, with an interval that ignores current volatility."""

from processors.features.features import Features
from processors.models.protocol import Answer, Notice, Outcome
from processors.models.scale import recent_log_variance, scale_of


class Reference:
    """Predicts the last price. Its interval is the empirical one of the last seven days.

    The scale matters only until there are enough cases (`prediction.intervals.RollingQuantiles`).
    """

    name = "reference"
    version = "1"

    def predict_one(self, x: Features, minutes: int) -> Answer:
        """Answer with the last price."""
        return Answer(0.0, scale_of(recent_log_variance(x), minutes))

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Learn nothing."""
