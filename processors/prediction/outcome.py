"""Scores the predictions for a candle that has closed, then lets the models learn from it."""

from collections.abc import Callable
from math import log
from operator import attrgetter

import orjson

from processors.models.blend import point_feature
from processors.models.protocol import Notice, Outcome
from processors.models.scale import target_of
from processors.prediction.calibrated_models import Contestant
from processors.prediction.champion import Promotion
from processors.prediction.intervals import Missed
from processors.prediction.scoring import score_of
from processors.prediction.state import Asked, Reply, SymbolState
from schemas.predictions import ModelEvent, ModelVersion, Prediction, PredictionStatus, Score

Settled = tuple[tuple[Score, ...], tuple[ModelVersion, ...]]


def settle(state: SymbolState, close_e8: int) -> Settled:
    """Score every prediction of the closed candle, let every model learn, choose the champion."""
    scores, events = [], []
    open_e8 = state.open_of(state.asked[0].close_ms)
    models = {c.model.name: c for c in state.contestants}
    for asked in state.asked:
        outcome = _outcome(state, asked, close_e8, open_e8)
        if state.on_lesson:
            state.on_lesson(asked, outcome)
        for name, reply in asked.replies.items():
            score = score_of(reply.prediction, close_e8, open_e8)
            scores.append(score)
            notice = _learn(models[name], asked, reply, outcome, score) if name in models else None
            if notice:
                events.append(notice_of(state, models[name], notice))
    promotion = state.championship.add(_mean_losses(_with_interval(state, scores), _interval_loss))
    if promotion:
        events.append(_promotion(state, ModelEvent.PROMOTED, promotion))
    promotion = state.chance_championship.add(_mean_losses(scores, attrgetter("brier")))
    if promotion:
        events.append(_promotion(state, ModelEvent.CHANCE_CHAMPION, promotion))
    return tuple(scores), tuple(events)


def _learn(
    contestant: Contestant, asked: Asked, reply: Reply, outcome: Outcome, score: Score
) -> Notice | None:
    missed = None
    if reply.status is PredictionStatus.READY:
        missed = _missed(reply.prediction, score.outcome_e8)
        if contestant.chance and reply.raw_chance is not None and score.up is not None:
            contestant.chance.learn_one(reply.raw_chance, asked.minutes, happened=score.up)
    _weigh_point(contestant, asked, reply, outcome)
    contestant.calibrator.learn_one(reply.answer, asked.minutes, outcome.log_return, missed)
    return contestant.model.learn_one(asked.x, asked.minutes, outcome)


def _missed(p: Prediction, outcome_e8: int) -> Missed:
    q = p.quantiles_e8
    inside = (q[3] <= outcome_e8 <= q[5], q[2] <= outcome_e8 <= q[6])
    further = (q[1] <= outcome_e8 <= q[7], q[0] <= outcome_e8 <= q[8])
    return not inside[0], not inside[1], not further[0], not further[1]


def _weigh_point(contestant: Contestant, asked: Asked, reply: Reply, outcome: Outcome) -> None:
    raw = asked.x.get(point_feature(contestant.model.name))
    if raw and contestant.evidence:
        usual = reply.answer.scale
        contestant.evidence.learn_one(asked.minutes, raw / usual, outcome.log_return / usual)


def _outcome(state: SymbolState, asked: Asked, close_e8: int, open_e8: int | None) -> Outcome:
    log_return = log(close_e8 / asked.last_price_e8)
    up = None if open_e8 is None else close_e8 >= open_e8
    if state.gaps != asked.gaps_before:
        return Outcome(log_return, None, up)
    rest = max(state.variance - asked.variance_before, 0.0)
    return Outcome(log_return, target_of(rest, asked.minutes), up)


def _mean_losses(scores: list[Score], loss_of: Callable[[Score], float | None]) -> dict[str, float]:
    """Return the mean loss of each model that answered all questions of the candle.

    Nothing is returned if one of the losses is not known.
    """
    losses: dict[str, list[float]] = {}
    for s in scores:
        loss = loss_of(s)
        if loss is None:
            return {}
        losses.setdefault(s.model, []).append(loss)
    # Losses are compared on the same questions, and the reference answers all of them.
    most = max(map(len, losses.values()), default=0)
    return {m: sum(found) / most for m, found in losses.items() if len(found) == most}


def _with_interval(state: SymbolState, scores: list[Score]) -> list[Score]:
    """Return the scores without those of models that have no interval of their own."""
    without = {c.model.name for c in state.contestants if not c.has_interval}
    return [s for s in scores if s.model not in without] if without else scores


def _interval_loss(score: Score) -> float:
    return score.pinball_bp + score.absolute_error_bp / 2


def notice_of(state: SymbolState, contestant: Contestant, notice: Notice) -> ModelVersion:
    """Return the event of a model's notice."""
    return ModelVersion(
        model=contestant.model.name,
        version=contestant.model.version,
        symbol=state.symbol,
        event=notice.event.value,
        event_ms=state.next_ms,
        reason=notice.reason,
        details=orjson.dumps(notice.evidence).decode(),
    )


def _promotion(state: SymbolState, event: ModelEvent, promotion: Promotion) -> ModelVersion:
    versions = {c.model.name: c.model.version for c in state.contestants}
    by_interval = event is ModelEvent.PROMOTED
    lower = "loss on the same candles" if by_interval else "Brier score"
    return ModelVersion(
        model=promotion.model,
        version=versions[promotion.model],
        symbol=state.symbol,
        event=event.value,
        event_ms=state.next_ms,
        reason=f"champion in place of {promotion.former}: lower {lower}",
        details=orjson.dumps(promotion).decode(),
    )
