"""Evaluation: replays the candles of one or more symbols, and scores the predictions.

Models that need training are trained every thirty days of the replay, on the candles before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from candlewick.offline.evaluation.retrain import retrain
from processors.models.protocol import Outcome
from processors.prediction.digest import combined
from processors.prediction.replay import Replay, tick_of
from processors.prediction.scoreboard import Skill
from processors.prediction.state import Asked, start_state
from processors.training.batch import FEWEST_DAYS
from processors.training.dataset import TrainingSet
from processors.training.recipes import check_trainable, lessons_for
from schemas.errors import ConfigurationError
from schemas.market import Candle
from schemas.predictions import ModelVersion
from schemas.timeframe import DAY_MS, parse_interval

REPORTED_SHARE = 1 / 3  # in whole days; the first two thirds warm up and choose
MONTH_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class SymbolResult:
    """The result of one symbol.

    Attributes:
        reported_from_ms: Start of the reported period; ``skills`` has no candles before it.
        digest: SHA-256 of all predictions, including those before the reported period.
    """

    symbol: str
    interval: str
    from_ms: int
    reported_from_ms: int
    until_ms: int
    predictions: int
    champion: str
    skills: list[Skill]
    events: list[ModelVersion]
    digest: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of all symbols, and one digest of their predictions."""

    symbols: list[SymbolResult]
    digest: str


@dataclass(frozen=True, slots=True)
class _Run:
    """The running replay of one symbol, with the lessons of each model to train."""

    candles: Sequence[Candle]
    replay: Replay
    lessons: dict[str, TrainingSet]

    def teach(self, asked: Asked, outcome: Outcome) -> None:
        for lessons in self.lessons.values():
            lessons.add(asked, outcome)


def evaluate(
    candles: Mapping[str, Sequence[Candle]],
    report_days: float | None = None,
    models: Sequence[str] = ("batch",),
) -> Evaluation:
    """Replay each symbol, and report the scores of its last days.

    Args:
        candles: Candles by symbol, in order of time.
        report_days: Number of days to report; default: the last third.
        models: Models out of `MODELS` to train, in addition to the reference and the online model.

    Raises:
        ConfigurationError: There are too few candles to report, or a package that a model needs
            for training is not installed.
    """
    for model in models:
        check_trainable(model)
    runs = {symbol: _start(symbol, found, report_days, models) for symbol, found in candles.items()}
    stages = _stages(runs)
    for from_ms, until_ms in pairwise(stages):
        for run in runs.values():
            run.replay.feed(c for c in run.candles if from_ms < c.close_ms <= until_ms)
        for model in models if until_ms < stages[-1] else ():
            retrain(model, until_ms, {s: (r.replay, r.lessons[model]) for s, r in runs.items()})
    results = [_result(symbol, run) for symbol, run in runs.items()]
    return Evaluation(results, combined({r.symbol: r.digest for r in results}))


def _start(
    symbol: str, candles: Sequence[Candle], report_days: float | None, models: Sequence[str]
) -> _Run:
    first, last = candles[0], candles[-1]
    whole_days = int((last.close_ms - first.open_ms) * REPORTED_SHARE) // DAY_MS
    reported_ms = int((whole_days or REPORTED_SHARE) * DAY_MS)
    if report_days is not None:
        reported_ms = int(report_days * DAY_MS)
    interval = parse_interval(first.interval)
    state = start_state(symbol, tick_e8=tick_of(candles), interval=interval)
    replay = Replay(state, max(last.close_ms - reported_ms, first.open_ms))
    run = _Run(candles, replay, {model: lessons_for(model) for model in models})
    if models:
        state.on_lesson = run.teach
        state.teaches_recent = any(one.wanted.recent for one in run.lessons.values())
    return run


def _stages(runs: Mapping[str, _Run]) -> list[int]:
    """Return the start, the moments of training and the end of the replay, in order."""
    first = min(run.candles[0].open_ms for run in runs.values())
    last = max(run.candles[-1].close_ms for run in runs.values())
    reported = min(run.replay.report_from_ms for run in runs.values())
    month = reported - (reported - first) // MONTH_MS * MONTH_MS
    enough = first + FEWEST_DAYS * DAY_MS
    return [first, *(ms for ms in range(month, last, MONTH_MS) if ms > enough), last]


def _result(symbol: str, run: _Run) -> SymbolResult:
    replay, first, last = run.replay, run.candles[0], run.candles[-1]
    skills = replay.scoreboard.skills()
    if not skills:
        raise ConfigurationError(
            f"{symbol}: {len(run.candles)} candles are too few to score: give a day or more"
        )
    return SymbolResult(
        symbol=symbol,
        interval=first.interval,
        from_ms=first.open_ms,
        reported_from_ms=replay.report_from_ms,
        until_ms=last.close_ms,
        predictions=replay.digest.count,
        champion=replay.state.championship.champion,
        skills=skills,
        events=replay.events,
        digest=replay.digest.hex(),
    )
