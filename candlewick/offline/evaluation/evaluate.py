"""Evaluation: replays the candles of one or more symbols, and scores the predictions.

Models that need training are trained every thirty days of the replay, on the candles before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from candlewick.offline.evaluation.past import Past, Source
from candlewick.offline.evaluation.processes import Workers, workers
from candlewick.offline.evaluation.retrain import Lessons
from candlewick.offline.evaluation.symbol_run import SymbolResult, SymbolRun
from processors.extra.specification import Specification
from processors.prediction.digest import combined
from processors.training.batch import FEWEST_DAYS
from processors.training.dataset import TrainingSet
from processors.training.recipes import check_trainable, lessons_for
from processors.training.request import USUAL_DAYS
from schemas.errors import ConfigurationError
from schemas.timeframe import DAY_MS, Interval

REPORTED_SHARE = 1 / 3  # in whole days; the first two thirds warm up and choose
MONTH_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of all symbols, and one digest of their predictions."""

    symbols: list[SymbolResult]
    digest: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What to evaluate.

    Attributes:
        report_days: Number of days to report; None for the last third.
        models: Models out of `MODELS` to train, in addition to the reference and the online model.
        train_days: Number of days before a training that it sees.
        jobs: Number of symbols to replay at a time, each in a process of its own.
        extra: Models of others that take part.
        fed: Called now and then with the number of candles replayed, and the number of all.
    """

    report_days: float | None = None
    models: Sequence[str] = ("batch",)
    train_days: float = USUAL_DAYS
    jobs: int = 1
    extra: tuple[Specification, ...] = ()
    fed: Callable[[int, int], None] = lambda _fed, _all: None


def evaluate(sources: Mapping[str, Source], wish: Wish | None = None) -> Evaluation:
    """Replay each symbol, and report the scores of its last days.

    Args:
        sources: For each symbol what returns its candles.
        wish: What to evaluate.

    Raises:
        ConfigurationError: There are too few candles to report, a file cannot be read, or a
            package that a model needs for training is not installed.
        RestartNeeded: A process died.
    """
    wish = wish or Wish()
    for model in wish.models:
        check_trainable(model)
    counts = dict.fromkeys(sources, 0)
    total = 0

    def fed(symbol: str, count: int) -> None:
        counts[symbol] = count
        wish.fed(sum(counts.values()), total)

    with TemporaryDirectory() as folder, workers(sources, fed, wish.jobs) as found:
        nothing: dict[str, tuple[object, ...]] = dict.fromkeys(sources, ())
        pasts = found.each(SymbolRun.inspect, nothing)
        total = sum(past.count for past in pasts.values())
        _replay(found, pasts, wish, Path(folder))
        results = found.each(SymbolRun.result, nothing)
    if not any(result.skills for result in results.values()):
        raise ConfigurationError(
            "no candle of the reported part could be scored: give files of more days"
        )
    digest = combined({symbol: result.digest for symbol, result in results.items()})
    return Evaluation(list(results.values()), digest)


def _replay(found: Workers, pasts: Mapping[str, Past], wish: Wish, folder: Path) -> None:
    reported = {s: _reported_from(past, wish.report_days) for s, past in pasts.items()}
    stages = _stages(pasts, min(reported.values()))
    # The days of all symbols that the last training may learn from.
    days = len(pasts) * min((stages[-2] - stages[0]) / DAY_MS, wish.train_days)
    begins = {
        symbol: (reported[symbol], _collectors(wish, days, past.interval), folder, wish.extra)
        for symbol, past in pasts.items()
    }
    found.each(SymbolRun.begin, begins)
    lessons = {model: Lessons(model, pasts, wish.train_days) for model in wish.models}
    for _, until_ms in pairwise(stages):
        learned = found.each(SymbolRun.feed, dict.fromkeys(pasts, (until_ms,)))
        if until_ms == stages[-1]:
            return
        for symbol, files in learned.items():
            for model, file in files.items():
                lessons[model].add(symbol, file)
        for one in lessons.values():
            found.each(SymbolRun.install, one.train(until_ms))


def _collectors(wish: Wish, days: float, interval: Interval) -> dict[str, TrainingSet]:
    return {model: lessons_for(model, days, interval) for model in wish.models}


def _reported_from(past: Past, report_days: float | None) -> int:
    whole_days = int((past.until_ms - past.from_ms) * REPORTED_SHARE) // DAY_MS
    reported_ms = int((whole_days or REPORTED_SHARE) * DAY_MS)
    if report_days is not None:
        reported_ms = int(report_days * DAY_MS)
    return max(past.until_ms - reported_ms, past.from_ms)


def _stages(pasts: Mapping[str, Past], reported_ms: int) -> list[int]:
    """Return the start, the moments of training and the end of the replay, in order."""
    first = min(past.from_ms for past in pasts.values())
    last = max(past.until_ms for past in pasts.values())
    month = reported_ms - (reported_ms - first) // MONTH_MS * MONTH_MS
    enough = first + FEWEST_DAYS * DAY_MS
    return [first, *(ms for ms in range(month, last, MONTH_MS) if ms > enough), last]
