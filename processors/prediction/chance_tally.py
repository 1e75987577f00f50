"""Sums of the scores of a model's chances, and the skill that follows from them.

Source: Murphy, "A new vector partition of the probability score", Journal of Applied Meteorology
12 (1973): Brier score = reliability - resolution + uncertainty.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.significance import better_pct, skill_with_error

Floats = NDArray[np.float64]
CHANCES = ("chance_up", "up", "brier", "log_loss")
TENTHS = 10
_LOSSES = ("brier", "log_loss")
QUESTIONS = 15  # a candle has at most one for each minute


@dataclass(frozen=True, slots=True)
class Tenth:
    """The cases whose chance lay in one tenth.

    Attributes:
        chance: Their mean chance, 0 to 1; NaN without a case.
        share_up: The share of them that closed up.
    """

    cases: int
    chance: float
    share_up: float


@dataclass(frozen=True, slots=True)
class ChanceSkill:
    """What a model's chances were worth, on the questions that the reference answered too.

    Attributes:
        share_up: The share of the candles that closed at or above their open.
        brier_better_pct: How much lower the Brier score is than the constant interval's, percent.
        brier_better_error: Newey-West standard error of ``brier_better_pct``.
        climatology_better_pct: How much lower it is than of always saying ``share_up``, percent.
        reliability: Mean squared distance between chance and share, by tenths; 0 is best.
        resolution: Mean squared distance between the tenths' shares and ``share_up``.
        uncertainty: Brier score of always saying ``share_up``.
        tenths: The reliability diagram, from 0 to 10 % on.
        by_minutes: ``brier_better_pct`` by minutes to close.
    """

    cases: int
    share_up: float
    brier: float
    log_loss: float
    log_loss_of_constant: float
    brier_better_pct: float
    brier_better_error: float
    climatology_better_pct: float
    reliability: float
    resolution: float
    uncertainty: float
    tenths: list[Tenth]
    by_minutes: dict[int, float]


class ChanceTally:
    """Sums of one model's chance scores and of the reference's on the same questions.

    Attributes:
        tenths: Number of cases, sum of the chances, number of ups: float64[10, 3].
        losses: Sums of Brier score and log loss, by minutes to close, of the model and of the
            reference: float64[16, 2, 2].
        by_candle: Each candle's sum of Brier scores: the model's, and the reference's.
    """

    __slots__ = ("by_candle", "losses", "tenths")

    def __init__(self) -> None:
        self.tenths = np.zeros((TENTHS, 3))
        self.losses = np.zeros((QUESTIONS + 1, 2, len(_LOSSES)))
        self.by_candle = array("d"), array("d")

    def add(self, mine: Mapping[str, Floats], reference: Mapping[str, Floats]) -> None:
        """Add scores by the name of their attribute; those without a chance are left out.

        All scores of a candle must come in one call.
        """
        known = np.isfinite(mine["brier"]) & np.isfinite(reference["brier"])
        sides = [{name: side[name][known] for name in CHANCES} for side in (mine, reference)]
        chance, up = sides[0]["chance_up"], sides[0]["up"]
        tenth = np.minimum(chance * TENTHS, TENTHS - 1).astype(np.intp)
        for column, values in enumerate((np.ones(len(chance)), chance, up)):
            self.tenths[:, column] += np.bincount(tenth, values, TENTHS)
        minutes = np.clip(mine["minutes_to_close"][known], 0, QUESTIONS).astype(np.intp)
        for row, side in enumerate(sides):
            for column, name in enumerate(_LOSSES):
                self.losses[:, row, column] += np.bincount(minutes, side[name], QUESTIONS + 1)
        _, candle = np.unique(mine["open_ms"][known], return_inverse=True)
        for kept, side in zip(self.by_candle, sides, strict=True):
            kept.extend(np.bincount(candle, side["brier"]).tolist())

    def merge(self, other: "ChanceTally") -> None:
        """Add the sums of another tally, of later candles."""
        self.tenths += other.tenths
        self.losses += other.losses
        for kept, more in zip(self.by_candle, other.by_candle, strict=True):
            kept.extend(more)

    def skill(self) -> ChanceSkill | None:
        """Return what the chances were worth; None without a case."""
        cases, _, ups = self.tenths.sum(axis=0)
        if not cases:
            return None
        (brier, log_loss), (_, bar_log_loss) = self.losses.sum(axis=0) / cases
        better, error = skill_with_error(*(np.array(kept) for kept in self.by_candle))
        share = ups / cases
        uncertainty = share * (1 - share)
        filled = self.tenths[self.tenths[:, 0] > 0].T
        shares, chances = filled[2] / filled[0], filled[1] / filled[0]
        return ChanceSkill(
            cases=int(cases),
            share_up=float(share),
            brier=float(brier),
            log_loss=float(log_loss),
            log_loss_of_constant=float(bar_log_loss),
            brier_better_pct=100 * better,
            brier_better_error=100 * error,
            climatology_better_pct=better_pct(brier, uncertainty),
            reliability=float(filled[0] @ (chances - shares) ** 2 / cases),
            resolution=float(filled[0] @ (shares - share) ** 2 / cases),
            uncertainty=float(uncertainty),
            tenths=[_tenth(*row) for row in self.tenths],
            by_minutes={
                minutes: better_pct(*self.losses[minutes, :, 0])
                for minutes in range(QUESTIONS, -1, -1)
                if self.losses[minutes].any()
            },
        )


def _tenth(cases: float, chances: float, ups: float) -> Tenth:
    if not cases:
        return Tenth(0, float("nan"), float("nan"))
    return Tenth(int(cases), float(chances / cases), float(ups / cases))
