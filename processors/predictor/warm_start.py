"""Warm start: builds a symbol's prediction state from stored candles, in seconds."""

import os
import threading
from dataclasses import dataclass, replace
from multiprocessing import parent_process

from processors.extra.contestants import absences, contestants_with
from processors.extra.specification import specifications
from processors.history import History
from processors.prediction.calibrated_models import Contestant
from processors.prediction.issue import answer_questions
from processors.prediction.prequential import step
from processors.prediction.reply import CANDLE_MS
from processors.prediction.state import SymbolState, start_state
from processors.predictor.anchor import anchor_of, is_whole
from processors.predictor.score_writer import publish_scores
from processors.versions.installer import Installer
from processors.versions.schedule import ModelChange, needed_from
from processors.versions.store import ModelStore
from schemas.market import Candle, CandleSource
from schemas.predictions import ModelVersion, Score
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Warmed:
    """Result of a warm start.

    Attributes:
        anchor_ms: Start of the first candle the state should know.
        whole: Whether it knows every candle since then.
        scores: Scores of candles that have none stored.
        events: Model events of the same time, and one for every model that could not be loaded.
        changes: Model changes that have taken effect.
    """

    state: SymbolState
    anchor_ms: int
    whole: bool
    scores: tuple[Score, ...]
    events: tuple[ModelVersion, ...]
    changes: tuple[ModelChange, ...] = ()


def warm(
    settings: Settings,
    symbol: str,
    until_ms: int,
    changes: tuple[ModelChange, ...] = (),
    *,
    scored_ms: int = 0,
) -> Warmed:
    """Replay the stored candles from the anchor to ``until_ms``, exclusive.

    In the replay models change when they did, or would have, live.

    Scores newer than the last stored one are published here, because there may be thousands after
    a long stop; the result contains none. Those of candles that opened until ``scored_ms`` are
    published already, though the store may not have them yet. Scores from before the first start
    are left to `processors.predictor.score_backfill`. At that start the open candle's answers to
    the exchange's past are never scored: nobody had predicted the symbol by then. Later the store
    may have the exchange's candle of a minute and not yet the live one, so all are.

    Raises:
        Transient: ClickHouse or Kafka does not answer.
    """
    anchor_ms = anchor_of(until_ms)
    with History(settings.clickhouse) as history:
        candles = history.candles(symbol, from_ms=anchor_ms, until_ms=until_ms)
        scored_last_ms = history.newest_score_ms(symbol)
    load = ModelStore(settings.data_dir).load
    warmed = replayed(
        symbol,
        candles,
        (anchor_ms, until_ms),
        max(scored_last_ms or until_ms, scored_ms),
        changes=changes,
        installer=Installer(load=load),
    )
    if not scored_last_ms:
        warmed.state.score_only({c.close_ms for c in candles if c.source == CandleSource.TRADES})
    publish_scores(settings.kafka, warmed.scores)
    return replace(warmed, scores=())


def warm_with_extra(
    settings: Settings, symbol: str, until_ms: int, changes: tuple[ModelChange, ...] = ()
) -> Warmed:
    """Replay the same candles as `warm` with the extra models beside ours.

    It takes as long as they need, so it is done after `warm`, whose scores are not repeated.

    Raises:
        Transient: ClickHouse does not answer.
    """
    specified = specifications(settings.models)
    anchor_ms = anchor_of(until_ms)
    with History(settings.clickhouse) as history:
        candles = history.candles(symbol, from_ms=anchor_ms, until_ms=until_ms)
    warmed = replayed(
        symbol,
        candles,
        (anchor_ms, until_ms),
        until_ms,
        changes=changes,
        installer=Installer(load=ModelStore(settings.data_dir).load),
        contestants=contestants_with(specified),
    )
    return replace(warmed, events=absences(specified, warmed.state, until_ms))


def replayed(
    symbol: str,
    candles: list[Candle],
    span_ms: tuple[int, int],
    scored_ms: int,
    *,
    changes: tuple[ModelChange, ...] = (),
    installer: Installer | None = None,
    contestants: list[Contestant] | None = None,
) -> Warmed:
    """Return the state after the candles of ``span_ms``; apart from loading models it is pure.

    Args:
        symbol: Symbol of the candles.
        candles: Candles, oldest first.
        span_ms: Start and end of the range that they should cover.
        scored_ms: Only scores of candles that opened later are returned.
        changes: All model changes, in order.
        installer: Loads the models.
        contestants: Models that take part from the first candle on; default: ours.
    """
    used = installer or Installer()
    install = used.install
    due = tuple(c for c in changes if c.effective_ms <= span_ms[1])
    coming = needed_from(due, span_ms[0], used.can_load)
    state = start_state(symbol, contestants=contestants)
    scores: list[Score] = []
    events: list[ModelVersion] = []
    for candle in candles:
        while coming and coming[0].effective_ms <= candle.close_ms:
            events += install(state, [coming.pop(0)])
        taken = step(state, candle, at_once=False)
        state = taken.state
        if taken.judged and candle.close_ms - CANDLE_MS > scored_ms:
            scores += taken.scores
            events += taken.events
    answer_questions(state)
    events += install(state, coming)
    whole = is_whole(candles, from_ms=span_ms[0], until_ms=span_ms[1])
    return Warmed(state, span_ms[0], whole, tuple(scores), tuple(events), due)


def begin_warming(niceness: int) -> None:
    """Set up a replay process: it runs at low priority and ends with its parent."""
    os.nice(niceness)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
