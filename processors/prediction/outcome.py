"""Judges the predictions for a candle that has closed, then lets the models learn from it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log
from operator import attrgetter

import orjson

from processors.models.blend import point_feature
from processors.models.protocol import Notice, Outcome
from processors.models.scale import target_of
from processors.prediction.calibrated_models import Contestant
from processors.prediction.champion import Promotion
from processors.prediction.intervals import Missed
from processors.prediction.reply import READY, Moment, Reply
from processors.prediction.scoring import Losses, inner_of, losses_of, score_of
from processors.prediction.state import Asked, SymbolState
from schemas.predictions import ModelEvent, ModelVersion, Score


@dataclass(slots=True)  # not frozen: see `reply.Reply`
class Judged:
    """A reply and its losses, once the candle has closed."""

    reply: Reply
    outcome_e8: int
    open_e8: int | None
    losses: Losses

    @property
    def score(self) -> Score:
        """The score that is published."""
        return score_of(self.reply.prediction, self.outcome_e8, self.open_e8, self.losses)


Settled = tuple[list[Judged], tuple[ModelVersion, ...]]
Case = tuple[Asked, Reply, Outcome]
# In price steps. An interval of half a step to either side is a single price; half of that leaves
# it room to fall in a calm, without being far off after it.
FINEST = 0.25


def settle(state: SymbolState, close_e8: int) -> Settled:
    """Judge every prediction of the closed candle, let every model learn, choose the champion.

    Returns the judgements of what was published, and events.
    """
    open_e8 = state.open_of(state.asked[0].close_ms)
    outcomes = [_outcome(state, asked, close_e8, open_e8) for asked in state.asked]
    if state.on_lesson:
        for asked, outcome in zip(state.asked, outcomes, strict=True):
            state.on_lesson(asked, outcome)
    judged = _judged((asked.replies for asked in state.asked), close_e8, open_e8)
    events = []
    for c in state.contestants:
        name = c.model.name
        cases = [
            (asked, reply, outcome)
            for asked, outcome in zip(state.asked, outcomes, strict=True)
            if (reply := asked.replies.get(name))
        ]
        events += [notice_of(state, c, notice) for notice in _learn(c, cases, close_e8)]
    promotion = state.championship.add(
        _mean_losses(_with_interval(state, judged), attrgetter("interval_bp"))
    )
    if promotion:
        events.append(_promotion(state, ModelEvent.PROMOTED, promotion))
    promotion = state.chance_championship.add(_mean_losses(judged, attrgetter("brier")))
    if promotion:
        events.append(_promotion(state, ModelEvent.CHANCE_CHAMPION, promotion))
    if any(asked.published is not None for asked in state.asked):
        judged = _judged((asked.said for asked in state.asked), close_e8, open_e8)
    return judged, tuple(events)


def _judged(
    replies: Iterable[dict[str, Reply]], close_e8: int, open_e8: int | None
) -> list[Judged]:
    return [
        Judged(
            reply,
            close_e8,
            open_e8,
            losses_of(inner_of(reply.quantiles_e8), reply.chance, close_e8, open_e8),
        )
        for of_question in replies
        for reply in of_question.values()
    ]


def _learn(contestant: Contestant, cases: Sequence[Case], close_e8: int) -> list[Notice]:
    """Let a model and its calibrators learn a candle's questions, one after the other."""
    # Each loop is over one thing that learns: what it touches stays in the processor's caches.
    if chance := contestant.chance:
        for asked, reply, outcome in cases:
            raw, up = reply.raw_chance, outcome.up
            if reply.status is READY and raw is not None and up is not None:
                chance.learn_one(raw, asked.minutes, happened=up)
    if evidence := contestant.evidence:
        point = point_feature(contestant.model.name)
        for asked, reply, outcome in cases:
            if raw := asked.x.get(point):
                usual = reply.answer.scale
                evidence.learn_one(asked.minutes, raw / usual, outcome.log_return / usual)
    learn = contestant.calibrator.learn_one
    for asked, reply, outcome in cases:
        missed, prices = None, reply.quantiles_e8
        if reply.status is READY:
            missed = _missed(prices, close_e8)
        finest = _finest(reply.moment) if prices[3] == prices[5] else 0.0  # a single price
        learn(reply.answer, asked.minutes, outcome.log_return, missed, finest)
    model = contestant.model
    notices = [model.learn_one(asked.x, asked.minutes, outcome) for asked, _, outcome in cases]
    return [notice for notice in notices if notice]


def _missed(q: Sequence[int], outcome_e8: int) -> Missed:
    return (
        not q[3] <= outcome_e8 <= q[5],
        not q[2] <= outcome_e8 <= q[6],
        not q[1] <= outcome_e8 <= q[7],
        not q[0] <= outcome_e8 <= q[8],
    )


def _finest(moment: Moment) -> float:
    return FINEST * moment.tick_e8 / moment.last_price_e8


def _outcome(state: SymbolState, asked: Asked, close_e8: int, open_e8: int | None) -> Outcome:
    log_return = log(close_e8 / asked.moment.last_price_e8)
    up = None if open_e8 is None else close_e8 >= open_e8
    if state.gaps != asked.gaps_before:
        return Outcome(log_return, None, up)
    rest = max(state.variance - asked.variance_before, 0.0)
    return Outcome(log_return, target_of(rest, asked.minutes), up)


def _with_interval(state: SymbolState, judged: Iterable[Judged]) -> list[Judged]:
    """Leave out the models that have no interval of their own."""
    without = {c.model.name for c in state.contestants if not c.has_interval}
    return [one for one in judged if one.reply.model not in without]


def _mean_losses(
    judged: Iterable[Judged], loss_of: Callable[[Losses], float | None]
) -> dict[str, float]:
    """Return the mean loss of each model that answered all questions of the candle.

    Nothing is returned if one of the losses is not known.
    """
    losses: dict[str, list[float]] = {}
    for one in judged:
        loss = loss_of(one.losses)
        if loss is None:
            return {}
        losses.setdefault(one.reply.model, []).append(loss)
    # Losses are compared on the same questions, and the reference answers all of them.
    most = max(map(len, losses.values()), default=0)
    return {m: sum(found) / most for m, found in losses.items() if len(found) == most}


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
