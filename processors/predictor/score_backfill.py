"""Scores the models on the thirty days before the first start.

The stored candles go through the step that runs live, in order. A later call finds the scores in
the store and does nothing.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from processors.history import History
from processors.prediction.prequential import step
from processors.prediction.state import SymbolState, start_state
from processors.predictor.score_writer import publish_scores
from processors.versions.installer import Installer
from processors.versions.schedule import ModelChange, needed_from
from processors.versions.store import ModelStore
from schemas.market import Candle
from schemas.predictions import Score
from schemas.settings import Settings
from schemas.timeframe import DAY_MS, MINUTE_MS

PAST_DAYS = 30
_NICENESS = 10  # past scores are not urgent
_DAY_MINUTES = DAY_MS // MINUTE_MS
_DAY_SCORED = 90  # candles of 96: after each gap some candles have no score
_CHUNK_MS = 3 * DAY_MS  # candles and scores in memory at a time


def score_past_nicely(
    settings: Settings, symbol: str, until_ms: int, changes: tuple[ModelChange, ...] = ()
) -> int:
    """Do the work of `score_past` at a low priority, at which this process stays."""
    os.nice(max(0, _NICENESS - os.nice(0)))
    return score_past(settings, symbol, until_ms, changes)


def score_past(
    settings: Settings, symbol: str, until_ms: int, changes: tuple[ModelChange, ...] = ()
) -> int:
    """Publish the missing scores of the thirty days before ``until_ms``.

    Returns:
        Number of scores published; 0 if every whole day has its scores.

    Raises:
        Transient: ClickHouse or Kafka does not answer.
    """
    from_ms = until_ms - until_ms % DAY_MS - PAST_DAYS * DAY_MS
    installer = Installer(load=ModelStore(settings.data_dir).load)
    with History(settings.clickhouse) as history:
        scored = history.scored(symbol, from_ms=from_ms)
        if not _due(history, symbol, scored, range(from_ms, until_ms - DAY_MS, DAY_MS)):
            return 0
        sent = 0
        state = start_state(symbol)
        chunks = _chunks(history, symbol, from_ms, until_ms)
        coming = needed_from(changes, from_ms, installer.can_load)
        for scores in replayed_scores(state, chunks, coming, installer):
            missing = [s for s in scores if s.open_ms not in scored]
            publish_scores(settings.kafka, missing)
            sent += len(missing)
    return sent


def replayed_scores(
    state: SymbolState,
    chunks: Iterable[list[Candle]],
    coming: list[ModelChange],
    installer: Installer,
) -> Iterator[list[Score]]:
    """Yield the scores of each chunk of a symbol's candles; models change as they did live."""
    coming = list(coming)
    for candles in chunks:
        scores: list[Score] = []
        for candle in candles:
            while coming and coming[0].effective_ms <= candle.close_ms:
                installer.install(state, [coming.pop(0)])
            taken = step(state, candle, at_once=False)
            state = taken.state
            scores += taken.scores
        yield scores


def _due(history: History, symbol: str, scored: set[int], days: range) -> bool:
    if not days:
        return False
    starts = [*days, days[-1] + DAY_MS]
    later = history.minutes(symbol, since_ms=starts, until_ms=starts[-1])
    done = Counter(open_ms - open_ms % DAY_MS for open_ms in scored)
    return any(
        later[i] - later[i + 1] == _DAY_MINUTES and done[day] < _DAY_SCORED
        for i, day in enumerate(days)
    )


def _chunks(history: History, symbol: str, from_ms: int, until_ms: int) -> Iterator[list[Candle]]:
    for start_ms in range(from_ms, until_ms, _CHUNK_MS):
        end_ms = min(start_ms + _CHUNK_MS, until_ms)
        candles = history.candles(symbol, from_ms=start_ms, until_ms=end_ms)
        if candles:
            yield candles
