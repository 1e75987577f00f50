"""Calibrated intervals: a model's scale times a quantile tracked on published intervals.

Offsets are log returns from the last price, for the quantiles `LEVELS`. The middle one is the
answer's point.
"""

from bisect import bisect_left, insort
from collections import deque
from functools import lru_cache
from math import exp, log
from typing import Protocol, cast

from processors.models.protocol import Answer
from processors.uncertainty.formulas import followed, step_size
from schemas.predictions import LEVELS

Offsets = tuple[float, float, float, float, float, float, float, float, float]
FourSizes = tuple[float, float, float, float]
Missed = tuple[bool, bool, bool, bool]
Move = tuple[float, float]
FourMoves = tuple[Move, Move, Move, Move]
# A candle gives one case for each number of minutes to close.
WEEK_CANDLES = 672
COLD_CASES = 96  # a day
FEWEST_CASES = 20  # one case in twenty lies below the 5 % quantile
# The next three are of the 50, 80, 90 and 98 % interval. First, logs of a new symbol's quantiles in
# units of the scale; a normal distribution has 0.67, 1.28, 1.64 and 2.33.
START: FourSizes = (log(0.65), log(1.3), log(1.7), log(2.8))
MISS_RATES = (0.5, 0.2, 0.1, 0.02)
# The smallest steps, however many cases there were, so that the quantiles follow the market. The
# 98 % interval has few misses to learn from: at half the step it would take months to settle.
SLOWEST = (0.0025, 0.004, 0.005, 0.01)
# While a price does not move, every case is a hit: without a bound, recovery would take as long.
NARROWEST, WIDEST = log(1e-3), log(50)
MIDDLE = LEVELS.index(0.5)
_LOWER, _UPPER = LEVELS[:MIDDLE], LEVELS[MIDDLE + 1 :]


class Calibrator(Protocol):
    """Turns an answer into an interval and learns from the outcome."""

    def is_cold(self, minutes: int) -> bool:
        """Return whether there are too few cases with this number of minutes to close."""
        ...

    def offsets(self, answer: Answer, minutes: int) -> Offsets:
        """Return the interval's quantiles, as log returns from the last price."""
        ...

    def learn_one(
        self,
        answer: Answer,
        minutes: int,
        log_return: float,
        missed: Missed | None,
        finest: float = 0.0,
    ) -> None:
        """Learn from one case.

        Args:
            answer: What the model answered.
            minutes: Number of minutes to close.
            log_return: The true one, from the last price to the close.
            missed: Whether the close lay outside the published 50, 80, 90 and 98 % interval. None
                when the published intervals were wider than the calibrator's own.
            finest: Half the width, as a log return, below which no hit narrows an interval; zero
                where the published ones were not a single price.
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
        """Return the empirical quantiles; with fewer than 20 cases, a guess from the scale.

        The middle is the last price, which the reference predicts.
        """
        ordered = self._ordered.get(minutes, [])
        if len(ordered) < FEWEST_CASES:
            return _around(0.0, answer.scale, START)
        found = [
            value + (ordered[below + 1] - value) * share if share else value
            for below, share in _places(len(ordered))
            for value in (ordered[below],)
        ]
        lower, upper = found[:MIDDLE], found[MIDDLE:]
        if not lower[-1] <= 0.0 <= upper[0]:
            lower = [min(value, 0.0) for value in lower]
            upper = [max(value, 0.0) for value in upper]
        return cast("Offsets", (*lower, 0.0, *upper))

    def learn_one(
        self,
        answer: Answer,
        minutes: int,
        log_return: float,
        missed: Missed | None,
        finest: float = 0.0,
    ) -> None:
        """Add one return, and drop the one that is more than seven days old."""
        del answer, missed, finest
        recent = self._recent.setdefault(minutes, deque())
        ordered = self._ordered.setdefault(minutes, [])
        recent.append(log_return)
        insort(ordered, log_return)
        if len(recent) > WEEK_CANDLES:
            del ordered[bisect_left(ordered, recent.popleft())]


class TrackedQuantiles:
    """Quantiles of the residual's size in units of the scale, tracked by hits and misses.

    For the 90 % interval, a miss widens it by the step times 0.9 and a hit narrows it by the step
    times 0.1. In the long run the promised share is missed, whatever the distribution. Steps are
    large at first, to get quickly from `START` to the symbol's own quantiles. What is a single
    price already is not narrowed without end: it is the same interval, and would hold too little
    for long after a calm.

    Source: Gibbs and Candès, "Adaptive conformal inference under distribution shift", NeurIPS
    (2021); Angelopoulos, Candès and Tibshirani, "Conformal PID control", NeurIPS (2023).
    """

    __slots__ = ("_cases", "_thetas")

    def __init__(self) -> None:
        self._cases: dict[int, int] = {}
        self._thetas: dict[int, FourSizes] = {}

    def is_cold(self, minutes: int) -> bool:
        """Return whether there is less than a day of cases."""
        return self._cases.get(minutes, 0) < COLD_CASES

    def offsets(self, answer: Answer, minutes: int) -> Offsets:
        """Return the point minus and plus the scale times the tracked quantiles."""
        return _around(answer.point, answer.scale, self._thetas.get(minutes, START))

    def learn_one(
        self,
        answer: Answer,
        minutes: int,
        log_return: float,
        missed: Missed | None,
        finest: float = 0.0,
    ) -> None:
        """Widen after a miss, narrow after a hit."""
        cases = self._cases[minutes] = self._cases.get(minutes, 0) + 1
        thetas = self._thetas.get(minutes, START)
        if missed is None:
            size = abs(log_return - answer.point) / answer.scale
            missed = cast("Missed", tuple(size > exp(theta) for theta in thetas))
        size_50, size_80, size_90, size_98 = thetas
        move_50, move_80, move_90, move_98 = _moves(cases)
        size_50 += move_50[missed[0]]
        size_80 += move_80[missed[1]]
        size_90 += move_90[missed[2]]
        size_98 += move_98[missed[3]]
        if finest and size_50 < (floor := log(finest / answer.scale)):
            # Such hits would narrow it on and on, and it would hold too little when a market wakes.
            size_50 = max(size_50, min(thetas[0], floor))
            size_80 = max(size_80, min(thetas[1], floor))
            size_90 = max(size_90, min(thetas[2], floor))
            size_98 = max(size_98, min(thetas[3], floor))
        sizes = size_50, size_80, size_90, size_98
        # A wider interval must contain the narrower ones, although each follows its own misses.
        if not size_50 <= size_80 <= size_90 <= size_98:
            size_90 = max(size_90, size_50)
            sizes = size_50, min(max(size_80, size_50), size_90), size_90, max(size_98, size_90)
        if size_50 < NARROWEST or sizes[-1] > WIDEST:
            sizes = cast("FourSizes", tuple(min(max(s, NARROWEST), WIDEST) for s in sizes))
        self._thetas[minutes] = sizes


class Borrowed:
    """The interval of another model, for one that has none of its own."""

    __slots__ = ("_lender",)

    def __init__(self, lender: Calibrator) -> None:
        self._lender = lender

    def is_cold(self, minutes: int) -> bool:
        """Return whether the lender has too few cases."""
        return self._lender.is_cold(minutes)

    def offsets(self, answer: Answer, minutes: int) -> Offsets:
        """Return the lender's quantiles."""
        return self._lender.offsets(answer, minutes)

    def learn_one(
        self,
        answer: Answer,
        minutes: int,
        log_return: float,
        missed: Missed | None,
        finest: float = 0.0,
    ) -> None:
        """Learn nothing: the lender does."""


@lru_cache(maxsize=4096)
def _moves(cases: int) -> FourMoves:
    """Return how far each of the four sizes moves after a hit, and after a miss."""
    return cast(
        "FourMoves",
        tuple(
            (
                followed(0.0, missed=False, miss_rate=rate, step=step_size(cases, slowest)),
                followed(0.0, missed=True, miss_rate=rate, step=step_size(cases, slowest)),
            )
            for slowest, rate in zip(SLOWEST, MISS_RATES, strict=True)
        ),
    )


def _around(point: float, scale: float, thetas: FourSizes) -> Offsets:
    theta_50, theta_80, theta_90, theta_98 = thetas
    size_50, size_80 = exp(theta_50) * scale, exp(theta_80) * scale
    size_90, size_98 = exp(theta_90) * scale, exp(theta_98) * scale
    return (
        point - size_98,
        point - size_90,
        point - size_80,
        point - size_50,
        point,
        point + size_50,
        point + size_80,
        point + size_90,
        point + size_98,
    )


@lru_cache(maxsize=1024)
def _places(cases: int) -> list[tuple[int, float]]:
    """Return where the outer quantiles lie among so many cases: the one below, and the rest."""
    places = [level * (cases - 1) for level in (*_LOWER, *_UPPER)]
    return [(int(place), place - int(place)) for place in places]
