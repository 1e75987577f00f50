"""Issues predictions: asks every model where the open candle will close."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log, sqrt

from processors.features.features import Features
from processors.models.blend import answer_features, point_feature
from processors.models.protocol import Answer
from processors.models.scale import recent_log_variance, scale_of
from processors.prediction.calibrated_models import Contestant
from processors.prediction.chance import raw_chance
from processors.prediction.intervals import Offsets
from processors.prediction.prices import prices_at, widened
from processors.prediction.scoring import BP
from processors.prediction.state import Asked, Reply, SymbolState
from schemas.predictions import Prediction, PredictionStatus
from schemas.timeframe import MINUTE_MS, Interval

CANDLE_MS = Interval.FIFTEEN_MINUTES.ms
FEWEST_BARS = 15  # no predictions with fewer candles
DOUBTFUL_BARS = 15  # candles after a gap during which predictions are marked and wider
CAUTION = 1.5  # factor on the width while there is little history: rather too wide than too sure


@dataclass(frozen=True, slots=True)
class Moment:
    """Time and price of a question.

    Attributes:
        open_e8: Open of the candle, if it is known.
        scored: Whether the predictions are scored; False between two minutes.
    """

    issued_ms: int
    close_ms: int
    last_price_e8: int
    volatility_bp: float
    open_e8: int | None
    scored: bool = True

    @property
    def expected_open_e8(self) -> int | None:
        """The open, or the last price if the candle has not begun."""
        begins = self.issued_ms == self.close_ms - CANDLE_MS
        return self.last_price_e8 if begins else self.open_e8


def ask(state: SymbolState, *, issued_ms: int) -> tuple[Prediction, ...]:
    """Ask all models at the end of a candle, and store the question until its candle closes.

    Returns nothing while fewer than 15 candles are known.
    """
    if state.bars < FEWEST_BARS:
        return ()
    x = state.features.read(issued_ms)
    recent = _recent(state, x)
    left_ms = CANDLE_MS - issued_ms % CANDLE_MS
    minutes = left_ms // MINUTE_MS
    close_ms = issued_ms + left_ms
    opened = state.open_of(close_ms)
    moment = Moment(issued_ms, close_ms, state.last_price_e8, _volatility_bp(x), opened)
    answers = [_answer(c, x, recent if c.reads_recent else {}, minutes) for c in state.contestants]
    _unseat(state, answers)
    replies = {}
    for c, answer in zip(state.contestants, answers, strict=True):
        if answer is None:
            continue
        status = _status(state, c, minutes)
        replies[c.model.name] = Reply(answer, status, *_publish(state, c, moment, (answer, status)))
    before = 0.0 if left_ms == CANDLE_MS else state.variance
    asked = Asked(x, minutes, state.last_price_e8, moment.close_ms, before, state.gaps, replies)
    state.asked.append(asked)
    return tuple(reply.prediction for reply in replies.values())


def _unseat(state: SymbolState, answers: Sequence[Answer | None]) -> None:
    """Let models without an answer start again to prove that they are better."""
    for c, answer in zip(state.contestants, answers, strict=True):
        if answer is None:
            state.unseat(c.model.name)


def _recent(state: SymbolState, x: Features) -> Features:
    """Read the last candles if a model or a lesson needs them; lessons find them in ``x``."""
    if not (state.teaches_recent or any(c.reads_recent for c in state.contestants)):
        return {}
    recent = state.recent.read(x)
    if state.teaches_recent:
        x.update(recent)
    return recent


def _answer(contestant: Contestant, x: Features, recent: Features, minutes: int) -> Answer | None:
    """Ask one model, and add its answer to the features for the blend and the evidence."""
    answer = contestant.model.predict_one(x | recent if recent else x, minutes)
    if answer is None:
        return None
    if contestant.blended:
        x.update(answer_features(contestant.model.name, answer, minutes))
    if contestant.evidence is None or not answer.point:
        return answer
    x[point_feature(contestant.model.name)] = answer.point
    return replace(answer, point=answer.point * contestant.evidence.share)


def refresh(
    state: SymbolState, *, last_price_e8: int, issued_ms: int, open_e8: int | None = None
) -> tuple[Prediction, ...]:
    """Answer the newest question again for display, at a newer price and with less time left.

    The state is not changed, and these predictions are neither scored nor learned from. Returns
    nothing once the candle of the newest question has ended. ``open_e8`` is the candle's open, for
    a caller that knows it before the first minute has closed.
    """
    if not state.asked or not state.next_ms <= issued_ms < state.asked[-1].close_ms:
        return ()
    asked = state.asked[-1]
    opened = state.open_of(asked.close_ms) or open_e8
    volatility_bp = _volatility_bp(asked.x)
    moment = Moment(issued_ms, asked.close_ms, last_price_e8, volatility_bp, opened, scored=False)
    # Variance grows with time, so the width shrinks with the root of the time left.
    shrink = sqrt((asked.close_ms - issued_ms) / MINUTE_MS / asked.minutes)
    return tuple(
        _publish(state, c, moment, (reply.answer, reply.status), shrink)[1]
        for c in state.contestants
        if (reply := asked.replies.get(c.model.name))
    )


def _volatility_bp(x: Features) -> float:
    return BP * scale_of(recent_log_variance(x), 1)


def _status(state: SymbolState, contestant: Contestant, minutes: int) -> PredictionStatus:
    if state.gaps and state.bars_since_gap < DOUBTFUL_BARS:
        return PredictionStatus.GAPPED
    cold = contestant.calibrator.is_cold(minutes)
    return PredictionStatus.COLD if cold else PredictionStatus.READY


def _publish(
    state: SymbolState,
    contestant: Contestant,
    moment: Moment,
    said: tuple[Answer, PredictionStatus],
    shrink: float = 1.0,
) -> tuple[float | None, Prediction]:
    """Return the chance before its correction, and the prediction."""
    answer, status = said
    last_e8, tick_e8 = moment.last_price_e8, state.tick_e8
    left_ms = moment.close_ms - moment.issued_ms
    minutes = -(-left_ms // MINUTE_MS)
    offsets = contestant.calibrator.offsets(answer, minutes)
    if status is not PredictionStatus.READY:
        offsets = widened(offsets, shrink * CAUTION)
    elif shrink != 1.0:
        offsets = widened(offsets, shrink)
    raw, chance = _chance(contestant, moment, (answer, offsets), minutes, tick_e8)
    prices = prices_at(last_e8, offsets, tick_e8)
    low_98, low_90, low_80, low_50, price_e8, high_50, high_80, high_90, high_98 = prices
    return raw, Prediction(
        symbol=state.symbol,
        interval="15m",
        open_ms=moment.close_ms - CANDLE_MS,
        close_ms=moment.close_ms,
        issued_ms=moment.issued_ms,
        minutes_to_close=left_ms / MINUTE_MS,
        model=contestant.model.name,
        version=contestant.model.version,
        status=status.value,
        scored=moment.scored,
        champion=contestant.model.name == state.championship.champion,
        last_price_e8=last_e8,
        price_e8=price_e8,
        low_50_e8=low_50,
        high_50_e8=high_50,
        low_90_e8=low_90,
        high_90_e8=high_90,
        volatility_bp=moment.volatility_bp,
        low_98_e8=low_98,
        low_80_e8=low_80,
        high_80_e8=high_80,
        high_98_e8=high_98,
        open_e8=moment.open_e8,
        chance_up=chance,
        chance_champion=contestant.model.name == state.chance_championship.champion,
    )


def _chance(
    contestant: Contestant,
    moment: Moment,
    said: tuple[Answer, Offsets],
    minutes: int,
    tick_e8: int,
) -> tuple[float | None, float | None]:
    """Return the chance that the candle closes at or above its open, before and after correction.

    Both are None if the open is not known.
    """
    open_e8 = moment.expected_open_e8
    if open_e8 is None:
        return None, None
    answer, offsets = said
    raw = answer.chance_up
    if raw is None:
        # A close on the tick of the open is above it: the limit lies half a tick lower.
        limit = log(max(open_e8 - tick_e8 / 2, tick_e8 / 2) / moment.last_price_e8)
        raw = raw_chance(offsets, limit)
    corrector = contestant.chance
    return raw, corrector.calibrated(raw, minutes) if corrector else raw
