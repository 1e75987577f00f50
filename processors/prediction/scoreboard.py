"""The scoreboard: compares every model with the reference on the same questions, by month too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from processors.prediction.chance_tally import CHANCES, ChanceSkill, ChanceTally
from processors.prediction.following import Earned, Following
from processors.prediction.tally import HELD, LOSSES, Floats, Tally, merged
from processors.significance import better_pct, skill_with_error
from schemas.predictions import Score
from schemas.timeframe import DAY_MS, Interval

REFERENCE = "reference"
CHAMPION = "champion"  # the model that was champion at the time
_CHANCE_CHAMPION = "chance champion"  # its chances stand in the champion's row
FIFTHS = 5
WEEK_DAYS = 7
_AT_ONCE = 20_000  # scores: some 5 MB, and the cost of a fold does not matter any more
_COLUMNS = ("issued_ms", "open_ms", "minutes_to_close", "volatility_bp", *LOSSES, *HELD, *CHANCES)
_row = attrgetter(*_COLUMNS)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often the intervals of a group of cases contained the close, and their mean widths."""

    cases: int
    coverage_50: float
    coverage_90: float
    width_50_bp: float
    width_90_bp: float


@dataclass(frozen=True, slots=True)
class Days:
    """How steadily a model's pinball loss was lower than the reference's; days in UTC.

    Attributes:
        worse: Number of days on which the loss was higher.
        worst_week_ms: Start of the whole week, Monday to Sunday, in which the model was worth
            least; None if no week is whole.
        worst_week_pct: How much lower its loss was in that week, in percent.
    """

    count: int
    worse: int
    worst_week_ms: int | None
    worst_week_pct: float


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
        chance: What the chance to close up was worth; None if no score has one.
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
    days: Days
    chance: ChanceSkill | None


class Scoreboard:
    """Collects the scores of one symbol; it keeps sums by month, not the scores."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[float, ...]]] = {}
        self._count = 0
        self._months: dict[str, dict[str, Tally]] = {}
        self._following = Following()

    def add(self, scores: Iterable[Score]) -> None:
        """Add scores in any order; those of a candle, of every model, must come in one call."""
        waiting = self._waiting
        scores = list(scores)
        self._following.add(scores)
        for s in scores:
            row = _row(s)
            waiting.setdefault(s.model, []).append(row)
            if s.champion:
                waiting.setdefault(CHAMPION, []).append(row)
            if s.chance_champion:
                waiting.setdefault(_CHANCE_CHAMPION, []).append(row)
            self._count += 1
        if self._count > _AT_ONCE:
            self._fold()

    def skills(self) -> list[Skill]:
        """Return the skill of each model that shares questions with the reference."""
        self._fold()
        months = [self._months[name] for name in sorted(self._months)]
        models = dict.fromkeys(model for month in months for model in month)
        return _skills(
            {model: merged(month[model] for month in months if model in month) for model in models}
        )

    def months(self) -> dict[str, list[Skill]]:
        """Return the skills of each month by its name, for example ``2022-05``, in UTC."""
        self._fold()
        return {month: _skills(tallies) for month, tallies in sorted(self._months.items())}

    def earned(self) -> list[Earned]:
        """Return what following the chance champion would have earned."""
        return self._following.earned()

    def _fold(self) -> None:
        waiting, self._waiting, self._count = self._waiting, {}, 0
        if REFERENCE not in waiting:
            return
        columns = {model: np.array(rows, np.float64) for model, rows in waiting.items()}
        reference = columns[REFERENCE]
        for model, rows in columns.items():
            # The same questions in the same order; a question that was repeated counts once.
            _, mine, theirs = np.intersect1d(rows[:, 0], reference[:, 0], return_indices=True)
            self._add(model, rows[mine], reference[theirs])

    def _add(self, model: str, mine: Floats, reference: Floats) -> None:
        months = (mine[:, 1].astype("int64").astype("datetime64[ms]")).astype("datetime64[M]")
        for month in np.unique(months):
            chosen = months == month
            sides = (dict(zip(_COLUMNS, s[chosen].T, strict=True)) for s in (mine, reference))
            self._months.setdefault(str(month), {}).setdefault(model, Tally()).add(*sides)


def _skills(tallies: Mapping[str, Tally]) -> list[Skill]:
    """Return the skill of each model, the champion's last."""
    chances = {model: tally.chances for model, tally in tallies.items()}
    if _CHANCE_CHAMPION in chances:
        chances[CHAMPION] = chances[_CHANCE_CHAMPION]
    models = [model for model in tallies if model != _CHANCE_CHAMPION]
    models.sort(key=lambda model: model == CHAMPION)
    return [_skill(model, tallies[model], chances[model]) for model in models]


def _skill(model: str, tally: Tally, chances: ChanceTally) -> Skill:
    point, point_error = skill_with_error(*tally.of_candles("squared_error_bp2"))
    pinball, pinball_error = skill_with_error(*tally.of_candles("pinball_bp"))
    overall = tally.minutes.sum(axis=0)
    return Skill(
        model=model,
        cases=int(overall[0]),
        point_skill=point,
        point_skill_error=point_error,
        pinball_better_pct=100 * pinball,
        pinball_better_error=100 * pinball_error,
        winkler_better_pct=better_pct(*tally.of_all("winkler_90_bp")),
        winkler_50_better_pct=better_pct(*tally.of_all("winkler_50_bp")),
        overall=_calibration(overall),
        by_minutes={
            minutes: _calibration(tally.minutes[minutes])
            for minutes in range(len(tally.minutes) - 1, -1, -1)
            if tally.minutes[minutes, 0]
        },
        by_fifth=[_calibration(row) for row in tally.held_by_fifth(FIFTHS)],
        days=_days(tally),
        chance=chances.skill(),
    )


def _calibration(sums: Floats) -> Calibration:
    cases = int(sums[0])
    means = (sums[1:] / cases).tolist() if cases else [float("nan")] * len(HELD)
    return Calibration(cases, *means)


def _days(tally: Tally) -> Days:
    day_of = np.array(tally.open_ms, np.int64) // DAY_MS
    days, place = np.unique(day_of, return_inverse=True)
    mine, bar = (np.bincount(place, losses) for losses in tally.of_candles("pinball_bp"))
    week_of = np.array([Interval.ONE_WEEK.open_of(day * DAY_MS) for day in days.tolist()], np.int64)
    weeks, place, counts = np.unique(week_of, return_inverse=True, return_counts=True)
    weekly, weekly_bar = np.bincount(place, mine), np.bincount(place, bar)
    whole = (counts == WEEK_DAYS) & (weekly_bar > 0)
    if not whole.any():
        return Days(len(days), int((mine > bar).sum()), None, float("nan"))
    better = 100 * (1 - weekly[whole] / weekly_bar[whole])
    worst = int(np.argmin(better))
    return Days(len(days), int((mine > bar).sum()), int(weeks[whole][worst]), float(better[worst]))
