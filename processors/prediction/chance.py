"""The chance that the open candle closes at or above its open, calibrated on its outcomes."""

from math import exp, log

from schemas.distribution import bounded, chance_above, normal_score

# As strong as this many cases with even odds. A state knows one to two weeks, 672 to 1,344 cases
# for each number of minutes: enough to correct a bias, too few to trust without doubt.
PRIOR_CASES = 400
_EVEN = 0.25  # information of a case with even odds: p (1 - p)


def raw_chance(offsets: tuple[float, ...], log_return: float) -> float:
    """Return the chance of a return at or above this one, read off an interval's quantiles."""
    return chance_above(normal_score(offsets, log_return))


class ChanceCalibrator:
    """Corrects the log odds of a chance by a shift and a slope, for each number of minutes left.

    Both are learned by an online Newton step for each case, from a prior without correction.

    Source: Cox, "Two further applications of a model for binary regression", Biometrika 45 (1958);
    Platt, "Probabilistic outputs for support vector machines" (1999).

    >>> calibrator = ChanceCalibrator()
    >>> calibrator.calibrated(0.7, minutes=5)
    0.7
    >>> for _ in range(2000):
    ...     calibrator.learn_one(0.7, minutes=5, happened=False)
    >>> calibrator.calibrated(0.7, minutes=5) < 0.2
    True
    """

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[int, _Line] = {}

    def calibrated(self, chance: float, minutes: int) -> float:
        """Return the corrected chance."""
        line = self._lines.get(minutes)
        if line is None:
            return chance
        return bounded(line.chance_of(_log_odds(chance)))

    def learn_one(self, chance: float, minutes: int, *, happened: bool) -> None:
        """Learn from the outcome of a chance before its correction."""
        line = self._lines.get(minutes)
        if line is None:
            line = self._lines[minutes] = _Line()
        line.learn_one(_log_odds(chance), happened=happened)


class _Line:
    """Logistic regression of an outcome on log odds; shift and slope with their precision."""

    __slots__ = ("_across", "_level", "_shift", "_slope", "_steep")

    def __init__(self) -> None:
        self._shift, self._slope = 0.0, 1.0
        # The precision matrix: of the shift, of both, of the slope. Log odds have a variance of
        # about two within a candle.
        self._level, self._across, self._steep = _EVEN * PRIOR_CASES, 0.0, 2 * _EVEN * PRIOR_CASES

    def chance_of(self, log_odds: float) -> float:
        return 1 / (1 + exp(-(self._shift + self._slope * log_odds)))

    def learn_one(self, log_odds: float, *, happened: bool) -> None:
        chance = self.chance_of(log_odds)
        information = chance * (1 - chance)
        self._level += information
        self._across += information * log_odds
        self._steep += information * log_odds**2
        error = happened - chance
        determinant = self._level * self._steep - self._across**2
        self._shift += error * (self._steep - self._across * log_odds) / determinant
        self._slope += error * (self._level * log_odds - self._across) / determinant


def _log_odds(chance: float) -> float:
    return log(chance / (1 - chance))
