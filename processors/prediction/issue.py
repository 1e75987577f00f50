"""Issues predictions: asks every model where the open candle will close."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from math import log, sqrt
from typing import cast

from processors.features.features import Features
from processors.models.blend import answer_features, point_feature
from processors.models.protocol import Answer, AnswersMany
from processors.models.scale import recent_log_variance, scale_of
from processors.prediction.calibrated_models import Contestant
from processors.prediction.chance import raw_chance
from processors.prediction.prices import prices_at, widened
from processors.prediction.reply import CANDLE_MS, READY, Moment, Reply
from processors.prediction.scoring import BP
from processors.prediction.state import Asked, SymbolState
from schemas.predictions import Prediction, PredictionStatus
from schemas.timeframe import MINUTE_MS

Case = tuple[dict[str, Reply], Moment, int, Answer, PredictionStatus]
FEWEST_BARS = 15  # no predictions with fewer candles
DOUBTFUL_BARS = 15  # candles after a gap during which predictions are marked and wider
CAUTION = 1.5  # factor on the width while there is little history: rather too wide than too sure


def put_question(state: SymbolState, *, issued_ms: int) -> None:
    """Store the question of a moment until its candle closes; answer it before anything changes.

    Nothing is asked while fewer than 15 candles are known.
    """
    if state.bars < FEWEST_BARS:
        return
    x = state.features.read(issued_ms)
    detail, recent = state.teaches_detail, state.teaches_recent
    for c in state.contestants:
        detail, recent = detail or c.reads_detail, recent or c.reads_recent
    if detail:
        x.update(state.detail.read(x, issued_ms))
    left_ms = CANDLE_MS - issued_ms % CANDLE_MS
    close_ms = issued_ms + left_ms
    last_e8 = state.last_price_e8
    asked = Asked(
        moment=_moment(state, x, (issued_ms, close_ms), last_e8),
        minutes=left_ms // MINUTE_MS,
        x=x,
        recent=_recent(state, x) if recent else {},
        variance_before=0.0 if left_ms == CANDLE_MS else state.variance,
        gaps_before=state.gaps,
        is_doubtful=state.gaps > 0 and state.bars_since_gap < DOUBTFUL_BARS,
        replies={},
    )
    state.asked.append(asked)


def answer_questions(state: SymbolState) -> list[Reply]:
    """Let all models answer the questions that wait, and return the answers in order of time.

    The questions about one candle may wait for each other, because nothing is learned before it
    closes. One model after the other answers all of them: that is quicker.
    """
    waiting = state.asked[state.answered :]
    if not waiting:
        return []
    state.answered = len(state.asked)
    answers = [_answers(c, waiting) for c in state.contestants]
    for c, given in zip(state.contestants, answers, strict=True):
        if c.is_extra and None in given:  # it has to prove again that it is better
            state.unseat(c.model.name)
    for c, given in zip(state.contestants, answers, strict=True):
        cases = [
            (asked.replies, asked.moment, asked.minutes, answer, _status(c, asked))
            for asked, answer in zip(waiting, given, strict=True)
            if answer is not None
        ]
        _reply(state, c, cases)
    return [reply for asked in waiting for reply in asked.replies.values()]


def _recent(state: SymbolState, x: Features) -> Features:
    """Read the last candles; lessons find them in ``x``."""
    recent = state.recent.read(x)
    if state.teaches_recent:
        x.update(recent)
    return recent


def _answers(contestant: Contestant, waiting: Sequence[Asked]) -> list[Answer | None]:
    """Ask one model, and add its answers to the features for the blend and the evidence."""
    reads_recent, model = contestant.reads_recent, contestant.model
    questions = [(a.x | a.recent if reads_recent else a.x, a.minutes) for a in waiting]
    if len(questions) > 1 and _answers_many(type(model)):
        answers: list[Answer | None] = [*cast("AnswersMany", model).predict_many(questions)]
    else:
        answers = [model.predict_one(x, minutes) for x, minutes in questions]
    if not contestant.blended and contestant.evidence is None:
        return answers
    return [
        _noted(contestant, asked, answer) if answer else None
        for asked, answer in zip(waiting, answers, strict=True)
    ]


@cache
def _answers_many(kind: type) -> bool:
    # Asked once a class: to look for a protocol's methods takes longer than an answer.
    return issubclass(kind, AnswersMany)


def _noted(contestant: Contestant, asked: Asked, answer: Answer) -> Answer:
    """Note an answer in the features, and return it with the proven share of its point."""
    name = contestant.model.name
    if contestant.blended:
        asked.x.update(answer_features(name, answer, asked.minutes))
    if contestant.evidence is None or not answer.point:
        return answer
    asked.x[point_feature(name)] = answer.point
    return replace(answer, point=answer.point * contestant.evidence.share)


def refresh(
    state: SymbolState, *, last_price_e8: int, issued_ms: int, open_e8: int | None = None
) -> tuple[Prediction, ...]:
    """Answer the newest question again for display, at a newer price and with less time left.

    The state is not changed, and these predictions are neither scored nor learned from. Returns
    nothing once the candle of the newest question has ended. ``open_e8`` is the candle's open, for
    a caller that knows it before the first minute has closed. It is not believed where that minute
    is missing, because the first trade may be missing with it.
    """
    if not state.asked or not state.next_ms <= issued_ms < state.asked[-1].close_ms:
        return ()
    asked = state.asked[-1]
    close_ms = asked.close_ms
    if asked.moment.issued_ms > close_ms - CANDLE_MS and state.open_of(close_ms) is None:
        open_e8 = None
    moment = _moment(state, asked.x, (issued_ms, close_ms), last_price_e8, open_e8, scored=False)
    # Variance grows with time, so the width shrinks with the root of the time left. It is that of
    # the question: the next minute's candle may be late.
    shrink = sqrt((close_ms - issued_ms) / MINUTE_MS / asked.minutes)
    replies: dict[str, Reply] = {}
    for c in state.contestants:
        if known := asked.replies.get(c.model.name):
            case = replies, moment, asked.minutes, known.answer, known.status
            _reply(state, c, [case], shrink)
    return tuple(reply.prediction for reply in replies.values())


def _moment(
    state: SymbolState,
    x: Features,
    span_ms: tuple[int, int],
    last_price_e8: int,
    told_e8: int | None = None,
    *,
    scored: bool = True,
) -> Moment:
    """Make the moment of a question; ``told_e8`` is the open where the state does not know it."""
    issued_ms, close_ms = span_ms
    known_e8 = state.open_of(close_ms)
    open_e8 = (known_e8 if state.has_opened else None) or told_e8
    expected_e8 = last_price_e8 if issued_ms == close_ms - CANDLE_MS else open_e8 or known_e8
    limit, tick_e8 = None, state.tick_e8
    if expected_e8 is not None:
        # A close on the tick of the open is above it: the limit lies half a tick lower.
        half = tick_e8 / 2
        limit = log(max(expected_e8 - half, half) / last_price_e8)
    volatility_bp = BP * scale_of(recent_log_variance(x), 1)
    return Moment(
        state.symbol, issued_ms, close_ms, last_price_e8, volatility_bp, open_e8, limit, tick_e8,
        scored,
    )  # fmt: skip


def _status(contestant: Contestant, asked: Asked) -> PredictionStatus:
    if asked.is_doubtful:
        return PredictionStatus.GAPPED
    cold = contestant.calibrator.is_cold(asked.minutes)
    return PredictionStatus.COLD if cold else READY


def _reply(
    state: SymbolState, contestant: Contestant, cases: Iterable[Case], shrink: float = 1.0
) -> None:
    """Add to the replies what is published of a model; ``shrink`` is a factor on the width."""
    name, version = contestant.model.name, contestant.model.version
    champion = name == state.championship.champion, name == state.chance_championship.champion
    offsets_of, corrector = contestant.calibrator.offsets, contestant.chance
    for replies, moment, minutes, answer, status in cases:
        offsets = offsets_of(answer, minutes)
        if status is not READY:
            offsets = widened(offsets, shrink * CAUTION)
        elif shrink != 1.0:
            offsets = widened(offsets, shrink)
        raw = chance = None
        if moment.limit is not None:
            raw = answer.chance_up
            if raw is None:
                raw = raw_chance(offsets, moment.limit)
            chance = corrector.calibrated(raw, minutes) if corrector else raw
        quantiles = prices_at(moment.last_price_e8, offsets, moment.tick_e8)
        replies[name] = Reply(
            moment, name, version, answer, status, raw, chance, quantiles, champion
        )
