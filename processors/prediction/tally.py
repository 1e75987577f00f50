"""Sums of one model's scores: what a scoreboard needs of them, however many there are.

Kept are sums by minutes to close and by volatility. Of each candle only its losses are kept, for
the standard errors: 1.4 MB a year.
"""

from array import array
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from processors.prediction.chance_tally import QUESTIONS, ChanceTally

Floats = NDArray[np.float64]
# Proper scores, each compared with the reference's on the same questions. The first two of each
# candle are kept. A score is added to the report by its name here and in `scoreboard.Skill`.
LOSSES = ("squared_error_bp2", "pinball_bp", "winkler_50_bp", "winkler_90_bp")
BY_CANDLE = LOSSES[:2]
HELD = ("covered_50", "covered_90", "width_50_bp", "width_90_bp")
# Volatility, in bins of a fifth of a percent: fifths that are exact to a few cases in a thousand.
_CALMEST, _WILDEST, _FINENESS = -4.0, 9.0, 500
BINS = int((_WILDEST - _CALMEST) * _FINENESS)


class Tally:
    """Sums of one model's scores and of the reference's on the same questions.

    Attributes:
        losses: Sums of `LOSSES`, float64[2, losses]: the model's, and the reference's.
        minutes: Number of cases and sums of `HELD`, by minutes to close: float64[16, 1 + held].
        volatility: The same by bins of volatility, calmest first: float64[bins, 1 + held].
        chances: Sums of the chance's scores.
        open_ms: Opening time of each candle.
        by_candle: Each candle's sums of `BY_CANDLE`: the model's, and the reference's.
    """

    __slots__ = ("by_candle", "chances", "losses", "minutes", "open_ms", "volatility")

    def __init__(self) -> None:
        self.losses = np.zeros((2, len(LOSSES)))
        self.minutes = np.zeros((QUESTIONS + 1, 1 + len(HELD)))
        self.volatility = np.zeros((BINS, 1 + len(HELD)))
        self.chances = ChanceTally()
        self.open_ms = array("q")
        self.by_candle = tuple((array("d"), array("d")) for _ in BY_CANDLE)

    def add(self, mine: Mapping[str, Floats], reference: Mapping[str, Floats]) -> None:
        """Add scores by the name of their attribute, and the reference's of the same questions.

        All scores of a candle must come in one call.
        """
        self.losses += [[side[name].sum() for name in LOSSES] for side in (mine, reference)]
        self.chances.add(mine, reference)
        held = [np.ones(len(mine["open_ms"])), *(mine[name] for name in HELD)]
        minutes = np.clip(mine["minutes_to_close"], 0, QUESTIONS).astype(np.intp)
        bins = _bins(mine["volatility_bp"])
        touched = self.volatility[bins.min() : bins.max() + 1]  # the rest takes no memory
        for column, values in enumerate(held):
            self.minutes[:, column] += np.bincount(minutes, values, QUESTIONS + 1)
            touched[:, column] += np.bincount(bins - bins.min(), values)
        opened, candle = np.unique(mine["open_ms"], return_inverse=True)
        self.open_ms.extend(opened.astype(np.int64).tolist())
        for name, sides in zip(BY_CANDLE, self.by_candle, strict=True):
            for kept, side in zip(sides, (mine, reference), strict=True):
                kept.extend(np.bincount(candle, side[name]).tolist())

    def of_all(self, name: str) -> tuple[float, float]:
        """Return the sum of a loss out of `LOSSES`: the model's, the reference's."""
        mine, reference = self.losses[:, LOSSES.index(name)].tolist()
        return mine, reference

    def of_candles(self, name: str) -> tuple[Floats, Floats]:
        """Return each candle's sum of a loss out of `BY_CANDLE`: the model's, the reference's."""
        mine, reference = self.by_candle[BY_CANDLE.index(name)]
        return np.array(mine), np.array(reference)

    def held_by_fifth(self, fifths: int) -> Floats:
        """Return `volatility` in this many groups of about equal size."""
        cases = self.volatility[:, 0]
        # A bin belongs to the group in which its middle case lies.
        middle = (np.cumsum(cases) - cases / 2) / max(cases.sum(), 1.0)
        group = np.minimum((middle * fifths).astype(np.intp), fifths - 1)
        columns = [np.bincount(group, column, fifths) for column in self.volatility.T]
        return np.array(columns, np.float64).T


def merged(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies of different candles, given in order of time."""
    total = Tally()
    for tally in tallies:
        total.losses += tally.losses
        total.minutes += tally.minutes
        total.volatility += tally.volatility
        total.chances.merge(tally.chances)
        total.open_ms += tally.open_ms
        for sides, others in zip(total.by_candle, tally.by_candle, strict=True):
            for kept, other in zip(sides, others, strict=True):
                kept.extend(other)
    return total


def _bins(volatility_bp: Floats) -> NDArray[np.intp]:
    logs = np.log(np.maximum(volatility_bp, np.exp(_CALMEST)))
    return np.minimum((logs - _CALMEST) * _FINENESS, BINS - 1).astype(np.intp)
