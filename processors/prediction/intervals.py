"""Calibrated intervals: a model's scale times a quantile tracked on published intervals.

Offsets are log returns from the last price, for the quantiles 5, 25, 75 and 95 %.
"""

from bisect import bisect_left, insort
from collections import deque
from math import exp, log
from typing import Protocol

from processors.models.protocol import Answer

Offsets = tuple[float, float, float, float]
# A candle gives one case for each number of minutes to close.
WEEK_CANDLES = 672
COLD_CASES = 96  # a day
FEWEST_CASES = 20  # one case in twenty lies below the 5 % quantile
# Logs of a symbol's first quantiles, in units of the scale; a normal one has 0.67 and 1.64.
START = (log(0.65), log(1.7))
MISS_RATES = (0.5, 0.1)  # of the 50 and the 90 % interval
# The smallest steps, however many cases there were, so that the quantiles follow the market.
SLOWEST = (0.005, 0.01)
# While a price does not move, every case is a hit: without a bound, recovery would take as long.
NARROWEST, WIDEST = log(1e-3), log(50)


class Calibrator(Protocol):
    """Turns an answer into an interval and learns from the outcome."""

    def is_cold(self, minutes: int) -> bool:
        """Return whether there are too few cases with this number of minutes to close."""
        ...

    def offsets(self, answer: Answer, minutes: int) -> Offsets:
        """Return the interval's quantiles, as log returns from the last price."""
        ...

    def learn_one(
        self, answer: Answer, minutes: int, log_return: float, missed: tuple[bool, bool] | None
    ) -> None:
        """Learn from one case.

        ``missed`` says whether the close lay outside the published 50 % and 90 % interval. It is
        None when the published intervals were wider than the calibrator's own.
        """
        ...


class RollingQuantiles:
    """Empirical quantiles of the returns of the last seven days, by minutes to close."""

    __slots__ = ("_ordered", "_recent")

    def __init__(self) -> None:
        self._recent: dict[int, deque[float]] = {}
        self._ordered: dict[int, list[float]] = {}

    def is_cold(self, minutes: int) -> bool:
        """Return whether there is less than a day of cases."""
        return len(self._ordered.get(minutes, ())) < COLD_CASES

    def offsets(self, answer: Answer, minutes: int) -> Offsets:
        """Return the empirical quantiles; with fewer than 20 cases, a guess from the scale."""
        ordered = self._ordered.get(minutes, [])
        if len(ordered) < FEWEST_CASES:
            half, most = (exp(start) * answer.scale for start in START)
            return -most, -half, half, most
        most = len(ordered) - 1
        low, low_half = _at(ordered, 0.05 * most), _at(ordered, 0.25 * most)
        return low, low_half, _at(ordered, 0.75 * most), _at(ordered, 0.95 * most)

    def learn_one(
        self, answer: Answer, minutes: int, log_return: float, missed: tuple[bool, bool] | None
    ) -> None:
        """Add one return, and drop the one that is more than seven days old."""
        del answer, missed
        recent = self._recent.setdefault(minutes, deque())
        ordered = self._ordered.setdefault(minutes, [])
        recent.append(log_return)
        insort(ordered, log_return)
        if len(recent) > WEEK_CANDLES:
            del ordered[bisect_left(ordered, recent.popleft())]


class TrackedQuantiles:
    """Quantiles of the residual's size in units of the scale, tracked by hits and misses.

    For the 90 % interval, a miss widens it by the step times 0.9 and a hit narrows it by the step
    times 0.1. In the long run the promised share is missed, whatever the distribution.

    Source: Gibbs and Candès, "Adaptive conformal inference under distribution shift", NeurIPS
    (2021); Angelopoulos, Candès and Tibshirani, "Conformal PID control", NeurIPS (2023).
    """

    __slots__ = ("_cases", "_thetas")

    def __init__(self) -> None:
        self._cases: dict[int, int] = {}
        self._thetas: dict[int, tuple[float, float]] = {}

    def is_cold(self, minutes: int) -> bool:
        """Return whether there is less than a day of cases."""
        return self._cases.get(minutes, 0) < COLD_CASES

    def offsets(self, answer: Answer, minutes: int) -> Offsets:
        """Return the point minus and plus the scale times the tracked quantiles."""
        half, most = self._thetas.get(minutes, START)
        half, most = exp(half) * answer.scale, exp(most) * answer.scale
        point = answer.point
        return point - most, point - half, point + half, point + most

    def learn_one(
        self, answer: Answer, minutes: int, log_return: float, missed: tuple[bool, bool] | None
    ) -> None:
        """Widen after a miss, narrow after a hit."""
        cases = self._cases[minutes] = self._cases.get(minutes, 0) + 1
        half, most = self._thetas.get(minutes, START)
        if missed is None:
            size = abs(log_return - answer.point)
            missed = size > exp(half) * answer.scale, size > exp(most) * answer.scale
        # Large steps at first, to get quickly from `START` to the symbol's own quantiles.
        decaying = 0.5 / cases**0.6
        half += max(SLOWEST[0], decaying) * (missed[0] - MISS_RATES[0])
        most += max(SLOWEST[1], decaying) * (missed[1] - MISS_RATES[1])
        half = min(max(half, NARROWEST), WIDEST)
        # The 90 % interval must contain the 50 % one, although each follows its own misses.
        self._thetas[minutes] = half, min(max(most, half), WIDEST)


def _at(ordered: list[float], place: float) -> float:
    below = int(place)
    value = ordered[below]
    return value + (ordered[below + 1] - value) * (place - below) if place > below else value
