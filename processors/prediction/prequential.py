"""The prequential step: takes a closed candle, returns predictions, scores and events.

Test, then train: the questions about a candle are scored and learned from only after it has closed,
and before the next candle is asked about. There is no clock here: `issued_ms` is the end of the
candle that was passed in. The same candles give the same predictions, bit for bit.

Source: Dawid, "Statistical theory: the prequential approach", JRSS A 147 (1984).
"""

from dataclasses import dataclass

from processors.features.observation import bar_of, is_usable
from processors.prediction.issue import ask
from processors.prediction.outcome import settle
from processors.prediction.state import SymbolState
from processors.prediction.troubles import report_troubles
from schemas.market import Candle
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.timeframe import Interval

CANDLE_MS = Interval.FIFTEEN_MINUTES.ms


@dataclass(frozen=True, slots=True)
class Step:
    """Result of one candle."""

    predictions: tuple[Prediction, ...]
    scores: tuple[Score, ...]
    events: tuple[ModelVersion, ...]
    state: SymbolState


def step(state: SymbolState, candle: Candle) -> Step:
    """Process one closed candle of the state's symbol and interval; the state is consumed.

    A candle that is already known changes nothing. Missing minutes are recognised by their times:
    predictions soon after them are wider and marked as gapped, and a candle without a known close
    is not scored. A candle with incomplete trades counts as missing.
    """
    if candle.open_ms < state.next_ms:
        return Step((), (), (), state)
    _notice_gap(state, candle)
    state.next_ms = candle.close_ms
    if not is_usable(candle):
        _count_gap(state)
        return Step((), (), (), state)
    _fold(state, candle)
    scores, events = _close(state, candle)
    predictions = ask(state, issued_ms=candle.close_ms)
    return Step(predictions, scores, (*events, *report_troubles(state)), state)


def _notice_gap(state: SymbolState, candle: Candle) -> None:
    if state.bars and candle.open_ms > state.next_ms:
        _count_gap(state)
    if state.asked and candle.open_ms >= state.asked[0].close_ms:
        state.asked = []  # the close of their candle is missing


def _count_gap(state: SymbolState) -> None:
    state.gaps += 1
    state.bars_since_gap = 0


def _fold(state: SymbolState, candle: Candle) -> None:
    bar = bar_of(candle, state.last_price_e8 or candle.open_e8)
    if candle.open_ms % CANDLE_MS == 0:
        state.variance = 0.0
        state.opened = candle.open_ms + CANDLE_MS, candle.open_e8
    state.variance += bar.log_return**2 if state.bar_minutes == 1 else bar.variance * bar.minutes
    state.features.add(bar)
    state.recent.add(bar)
    state.last_price_e8 = candle.close_e8
    state.bars += 1
    state.bars_since_gap += 1


def _close(
    state: SymbolState, candle: Candle
) -> tuple[tuple[Score, ...], tuple[ModelVersion, ...]]:
    if not state.asked or candle.close_ms != state.asked[0].close_ms:
        return (), ()
    settled = settle(state, candle.close_e8)
    state.asked = []
    return settled
