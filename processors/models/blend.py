"""The combination of other models: geometric mean of their scales, mean of their points.

It reads their answers as features, ``<model>.log_variance`` and ``<model>.point``. A model that
recently predicted the log variance better gets more weight, and nearly all of it where it was
clearly better: errors of a market are so much alike that a mean with a worse model loses.

Source: Bates and Granger, "The combination of forecasts", Operational Research Quarterly 20
(1969).
"""

from functools import cache

from processors.features.ewma import gain
from processors.features.features import Features
from processors.models.protocol import Answer, Notice, Outcome
from processors.models.scale import log_variance_of, recent_log_variance, scale_of

MEMORY = gain(672 * 15)  # questions: seven days
SHARPNESS = 100.0  # of errors that differ by 1 %, the weights differ by a factor of 2.7
LEAST = 0.01  # of the best member's weight: nobody is left out for good
_LOG_VARIANCE, _POINT = ".log_variance", ".point"


class Blend:
    """Weights the answers of its members by how small their errors have been."""

    name = "blend"

    def __init__(self, members: tuple[str, ...]) -> None:
        """Combine the models with these names."""
        self.version = "+".join(members)
        # The names of each member's features, made once: they are asked for at every question.
        self._members = {m: (_variance_feature(m), point_feature(m)) for m in members}
        self._errors: dict[str, float] = {}
        self._weights: dict[tuple[str, ...], list[tuple[str, float]]] = {}
        self._cases = 0

    def predict_one(self, x: Features, minutes: int) -> Answer:
        """Combine the members' answers; without any, use the volatility of the last hour."""
        total = log_variance = point = 0.0
        present = tuple([name for name, of in self._members.items() if of[0] in x])
        for member, weight in self._weights_of(present):
            variance_name, point_name = self._members[member]
            total += weight
            log_variance += weight * x[variance_name]
            point += weight * x.get(point_name, 0.0)
        if not total:
            return Answer(0.0, scale_of(recent_log_variance(x), minutes))
        log_variance, point = log_variance / total, point / total
        return Answer(point, scale_of(log_variance, minutes))

    def _weights_of(self, present: tuple[str, ...]) -> list[tuple[str, float]]:
        """Return the weights of the members that have answered; they change once a candle."""
        known = self._weights.get(present)
        if known is None:
            errors = [self._error(member) for member in present]
            weights = [max((min(errors) / error) ** SHARPNESS, LEAST) for error in errors]
            known = self._weights[present] = list(zip(present, weights, strict=True))
        return known

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Update the error of each member."""
        del minutes
        if outcome.log_variance is not None:
            self._cases += 1
            self._weigh(x, outcome.log_variance)
        return None

    def _weigh(self, x: Features, log_variance: float) -> None:
        self._weights.clear()
        weight = max(MEMORY, 1 / self._cases)
        for member, (variance_name, _) in self._members.items():
            answer = x.get(variance_name)
            if answer is not None:
                error = (log_variance - answer) ** 2
                known = self._errors.setdefault(member, error)
                self._errors[member] = known + weight * (error - known)

    def _error(self, member: str) -> float:
        # An error not measured yet counts as 1; the floor avoids a division by zero.
        return max(self._errors.get(member, 1.0), 1e-6)


def answer_features(name: str, answer: Answer, minutes: int) -> Features:
    """Return one model's answer as the features that a blend reads."""
    log_variance = log_variance_of(answer.scale, minutes)
    return {_variance_feature(name): log_variance, point_feature(name): answer.point}


@cache
def _variance_feature(name: str) -> str:
    return f"{name}{_LOG_VARIANCE}"


@cache
def point_feature(name: str) -> str:
    """Return the name of the feature for a model's point, before it is shrunk."""
    return f"{name}{_POINT}"
