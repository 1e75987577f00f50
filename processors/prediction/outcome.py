"""Scores the predictions for a candle that has closed, then lets the models learn from it."""

from math import log

import orjson

from processors.models.blend import point_feature
from processors.models.protocol import Notice, Outcome
from processors.models.scale import target_of
from processors.prediction.calibrated_models import Contestant
from processors.prediction.champion import Promotion
from processors.prediction.scoring import score_of
from processors.prediction.state import Asked, Reply, SymbolState
from schemas.predictions import ModelEvent, ModelVersion, PredictionStatus, Score

Settled = tuple[tuple[Score, ...], tuple[ModelVersion, ...]]


def settle(state: SymbolState, close_e8: int) -> Settled:
    """Score every prediction of the closed candle, let every model learn, choose the champion."""
    scores, events = [], []
    models = {c.model.name: c for c in state.contestants}
    for asked in state.asked:
        outcome = _outcome(state, asked, close_e8)
        if state.on_lesson:
            state.on_lesson(asked, outcome)
        for name, reply in asked.replies.items():
            score = score_of(reply.prediction, close_e8)
            scores.append(score)
            notice = _learn(models[name], asked, reply, outcome, score) if name in models else None
            if notice:
                events.append(_notice(state, models[name], notice))
    promotion = state.championship.add(_mean_losses(scores))
    if promotion:
        events.append(_promotion(state, promotion))
    return tuple(scores), tuple(events)


def _learn(
    contestant: Contestant, asked: Asked, reply: Reply, outcome: Outcome, score: Score
) -> Notice | None:
    missed = None
    if reply.status is PredictionStatus.READY:
        missed = not score.covered_50, not score.covered_90
    _weigh_point(contestant, asked, reply, outcome)
    contestant.calibrator.learn_one(reply.answer, asked.minutes, outcome.log_return, missed)
    return contestant.model.learn_one(asked.x, asked.minutes, outcome)


def _weigh_point(contestant: Contestant, asked: Asked, reply: Reply, outcome: Outcome) -> None:
    raw = asked.x.get(point_feature(contestant.model.name))
    if raw and contestant.evidence:
        usual = reply.answer.scale
        contestant.evidence.learn_one(asked.minutes, raw / usual, outcome.log_return / usual)


def _outcome(state: SymbolState, asked: Asked, close_e8: int) -> Outcome:
    log_return = log(close_e8 / asked.last_price_e8)
    if state.gaps != asked.gaps_before:
        return Outcome(log_return, None)
    rest = max(state.variance - asked.variance_before, 0.0)
    return Outcome(log_return, target_of(rest, asked.minutes))


def _mean_losses(scores: list[Score]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for s in scores:
        sums[s.model] = sums.get(s.model, 0.0) + s.pinball_bp + s.absolute_error_bp / 2
    return {model: total * len(sums) / len(scores) for model, total in sums.items()}


def _notice(state: SymbolState, contestant: Contestant, notice: Notice) -> ModelVersion:
    return ModelVersion(
        model=contestant.model.name,
        version=contestant.model.version,
        symbol=state.symbol,
        event=notice.event.value,
        event_ms=state.next_ms,
        reason=notice.reason,
        details=orjson.dumps(notice.evidence).decode(),
    )


def _promotion(state: SymbolState, promotion: Promotion) -> ModelVersion:
    versions = {c.model.name: c.model.version for c in state.contestants}
    return ModelVersion(
        model=promotion.model,
        version=versions[promotion.model],
        symbol=state.symbol,
        event=ModelEvent.PROMOTED.value,
        event_ms=state.next_ms,
        reason=f"champion in place of {promotion.former}: lower loss on the same candles",
        details=orjson.dumps(promotion).decode(),
    )
