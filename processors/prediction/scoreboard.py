"""The scoreboard: compares every model with the reference on the same questions."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.significance import skill_with_error
from schemas.predictions import Score

REFERENCE = "reference"
CHAMPION = "champion"  # the model that was champion at the time
FIFTHS = 5
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often the intervals of a group of cases contained the close, and their mean widths."""

    cases: int
    coverage_50: float
    coverage_90: float
    width_50_bp: float
    width_90_bp: float


@dataclass(frozen=True, slots=True)
class Skill:
    """Skill of a model against the reference on the same questions.

    Attributes:
        point_skill: ``1 - squared error / reference's squared error``.
        point_skill_error: Newey-West standard error of ``point_skill``.
        pinball_better_pct: How much lower the pinball loss is than the reference's, in percent.
        winkler_better_pct: How much lower the Winkler score of the 90 % interval is, in percent.
        by_minutes: Calibration by minutes to close.
        by_fifth: Calibration by fifths of the volatility before the question, calmest first.
    """

    model: str
    cases: int
    point_skill: float
    point_skill_error: float
    pinball_better_pct: float
    pinball_better_error: float
    winkler_better_pct: float
    winkler_50_better_pct: float
    overall: Calibration
    by_minutes: dict[int, Calibration]
    by_fifth: list[Calibration]


class Scoreboard:
    """Collects the scores of one symbol."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, tuple[float, ...]]] = {}

    def add(self, scores: Iterable[Score]) -> None:
        """Add scores, in any order."""
        for s in scores:
            row = _row(s)
            self._rows.setdefault(s.model, {})[s.issued_ms] = row
            if s.champion:
                self._rows.setdefault(CHAMPION, {})[s.issued_ms] = row

    def skills(self) -> list[Skill]:
        """Return the skill of each model that shares questions with the reference."""
        reference = self._rows.get(REFERENCE, {})
        return [
            _skill(model, *_paired(rows, reference))
            for model, rows in self._rows.items()
            if not rows.keys().isdisjoint(reference)
        ]


_COLUMNS = (
    "open_ms",
    "minutes_to_close",
    "volatility_bp",
    "squared_error_bp2",
    "pinball_bp",
    "winkler_50_bp",
    "winkler_90_bp",
    "width_50_bp",
    "width_90_bp",
    "covered_50",
    "covered_90",
)


def _row(s: Score) -> tuple[float, ...]:
    return (
        s.open_ms,
        s.minutes_to_close,
        s.volatility_bp,
        s.squared_error_bp2,
        s.pinball_bp,
        s.winkler_50_bp,
        s.winkler_90_bp,
        s.width_50_bp,
        s.width_90_bp,
        s.covered_50,
        s.covered_90,
    )


def _paired(
    rows: dict[int, tuple[float, ...]], reference: dict[int, tuple[float, ...]]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    both = sorted(rows.keys() & reference.keys())
    columns = (np.array([source[ms] for ms in both], float).T for source in (rows, reference))
    mine, bar = (dict(zip(_COLUMNS, found, strict=True)) for found in columns)
    return mine, bar


def _skill(model: str, mine: dict[str, Floats], bar: dict[str, Floats]) -> Skill:
    point, point_error = _better(mine, bar, "squared_error_bp2")
    pinball, pinball_error = _better(mine, bar, "pinball_bp")
    edges = np.quantile(mine["volatility_bp"], np.arange(1, FIFTHS) / FIFTHS)
    fifths = np.digitize(mine["volatility_bp"], edges)
    minutes = mine["minutes_to_close"]
    return Skill(
        model=model,
        cases=len(minutes),
        point_skill=point,
        point_skill_error=point_error,
        pinball_better_pct=100 * pinball,
        pinball_better_error=100 * pinball_error,
        winkler_better_pct=100 * _better(mine, bar, "winkler_90_bp")[0],
        winkler_50_better_pct=100 * _better(mine, bar, "winkler_50_bp")[0],
        overall=_calibration(mine, minutes > 0),
        by_minutes={int(m): _calibration(mine, minutes == m) for m in np.unique(minutes)[::-1]},
        by_fifth=[_calibration(mine, fifths == i) for i in range(FIFTHS)],
    )


def _better(mine: dict[str, Floats], bar: dict[str, Floats], name: str) -> tuple[float, float]:
    _, candle = np.unique(mine["open_ms"], return_inverse=True)
    return skill_with_error(_sums(candle, mine[name]), _sums(candle, bar[name]))


def _sums(group: NDArray[np.intp], values: Floats) -> Floats:
    return np.bincount(group, values).astype(np.float64, copy=False)


def _calibration(mine: dict[str, Floats], chosen: NDArray[np.bool_]) -> Calibration:
    cases = int(chosen.sum())
    names = ("covered_50", "covered_90", "width_50_bp", "width_90_bp")
    means = [float(mine[name][chosen].mean()) if cases else float("nan") for name in names]
    return Calibration(cases, *means)
