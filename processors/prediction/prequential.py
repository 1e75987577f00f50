"""The prequential step: takes a closed candle, returns predictions, scores and events.

Test, then train: the questions about a candle are scored and learned from only after it has closed,
and before the next candle is asked about. There is no clock here: `issued_ms` is the end of the
candle that was passed in. The same candles give the same predictions, bit for bit.

Source: Dawid, "Statistical theory: the prequential approach", JRSS A 147 (1984).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from processors.features.observation import bar_of, is_usable
from processors.prediction.issue import answer_questions, put_question
from processors.prediction.outcome import Judged, settle
from processors.prediction.reply import CANDLE_MS, Reply
from processors.prediction.state import SymbolState
from processors.prediction.troubles import report_troubles
from schemas.market import Candle
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.quick_records import quick


@quick
@dataclass(frozen=True, slots=True)
class Step:
    """Result of one candle. Its predictions and scores are made when they are read."""

    replies: Sequence[Reply]
    judged: Sequence[Judged]
    events: tuple[ModelVersion, ...]
    state: SymbolState

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """The predictions to publish."""
        return tuple(reply.prediction for reply in self.replies)

    @property
    def scores(self) -> tuple[Score, ...]:
        """The scores to publish."""
        return tuple(judged.score for judged in self.judged)


def step(state: SymbolState, candle: Candle, *, at_once: bool = True) -> Step:
    """Process one closed candle of the state's symbol and interval; the state is consumed.

    A candle that is already known changes nothing. Missing minutes are recognised by their times:
    predictions soon after them are wider and marked as gapped, and a candle without a known close
    is not scored. A candle with incomplete trades counts as missing.

    Args:
        state: What is known before the candle.
        candle: The closed candle.
        at_once: If not, as in a replay, the questions about a 15-minute candle are answered
            together by the step in which it closes, or by `answer_questions`. The answers are the
            same, and cost less.
    """
    if candle.open_ms < state.next_ms:
        return Step((), (), (), state)
    replies = _notice_gap(state, candle)
    state.next_ms = candle.close_ms
    if not is_usable(candle):
        _count_gap(state)
        return Step(replies, (), (), state)
    _fold(state, candle)
    judged: Sequence[Judged] = ()
    events: tuple[ModelVersion, ...] = ()
    if state.asked and candle.close_ms == state.asked[0].close_ms:
        replies += answer_questions(state)
        judged, events = settle(state, candle.close_e8)
        state.forget_asked()
    put_question(state, issued_ms=candle.close_ms)
    has_guests = bool([c for c in state.contestants if c.is_extra])  # they may have no answer
    if at_once or has_guests:
        replies += answer_questions(state)
    if has_guests:
        events = *events, *report_troubles(state)
    return Step(replies, judged, events, state)


def _notice_gap(state: SymbolState, candle: Candle) -> list[Reply]:
    if state.bars and candle.open_ms > state.next_ms:
        _count_gap(state)
    if not state.asked or candle.open_ms < state.asked[0].close_ms:
        return []
    replies = answer_questions(state)
    state.forget_asked()  # the close of their candle is missing
    return replies


def _count_gap(state: SymbolState) -> None:
    state.gaps += 1
    state.bars_since_gap = 0
    if not state.has_opened:  # its first trade may have been in the gap
        state.opened = (0, 0)


def _fold(state: SymbolState, candle: Candle) -> None:
    # What moved while candles were missing is not the variance of one minute.
    before_e8 = state.last_price_e8 if state.bars_since_gap else None
    bar = bar_of(candle, before_e8 or candle.open_e8)
    if candle.open_ms % CANDLE_MS == 0:
        state.variance = 0.0
        state.opened, state.has_opened = (candle.open_ms + CANDLE_MS, candle.open_e8), False
    if not state.has_opened and candle.volume_e8 and candle.open_ms < state.opened[0]:
        # A candle opens with its first trade, whatever the price of quiet minutes before it.
        state.opened, state.has_opened = (state.opened[0], candle.open_e8), True
    state.variance += bar.log_return**2 if state.bar_minutes == 1 else bar.variance * bar.minutes
    state.features.add(bar)
    state.detail.add(bar)
    state.recent.add(bar)
    # From the candles alone, so that one that starts between them rounds as one that runs on.
    state.price_step_e8 = gcd(
        state.price_step_e8, candle.open_e8, candle.high_e8, candle.low_e8, candle.close_e8
    )
    state.last_price_e8 = candle.close_e8
    state.bars += 1
    state.bars_since_gap += 1
