"""Checks of predictions, scores, model events and training requests; each raises ValueError.

They guarantee only what a reader relies on; the tests of `processors` show that the figures of a
score are right.
"""

from itertools import pairwise
from typing import Final

from schemas.predictions import (
    ModelEvent,
    ModelVersion,
    Prediction,
    PredictionStatus,
    Score,
    TrainingRequest,
)
from schemas.rules.checks import (
    LARGEST_PRICE_E8,
    check_finite,
    check_name,
    check_one_of,
    check_range,
    check_symbol,
    check_text,
    check_time,
)
from schemas.rules.market import check_candle_span

_MINUTE_MS: Final = 60_000
_LOSSES: Final = (
    "absolute_error_bp",
    "squared_error_bp2",
    "pinball_bp",
    "winkler_50_bp",
    "winkler_90_bp",
    "width_50_bp",
    "width_90_bp",
)
_LOSSES_OF_V2: Final = ("brier", "log_loss", "pinball_nine_bp")  # may be None


def check_prediction(prediction: Prediction) -> None:
    """Refuse a prediction that was not issued inside its candle, or whose bounds cross."""
    _check_question(prediction)
    check_range("last price in 1e-8", prediction.last_price_e8, 1, LARGEST_PRICE_E8)
    bounds = prediction.quantiles_e8 or (
        prediction.low_90_e8,
        prediction.low_50_e8,
        prediction.price_e8,
        prediction.high_50_e8,
        prediction.high_90_e8,
    )
    if any(lower > higher for lower, higher in pairwise(bounds)):
        raise ValueError(f"the bounds {bounds} cross")
    check_range("lowest bound in 1e-8", bounds[0], 0, LARGEST_PRICE_E8)
    check_range("highest bound in 1e-8", bounds[-1], 1, LARGEST_PRICE_E8)
    _check_chance(prediction)


def check_score(score: Score) -> None:
    """Refuse a score that fits no prediction, or has a negative loss."""
    _check_question(score)
    check_range("outcome in 1e-8", score.outcome_e8, 1, LARGEST_PRICE_E8)
    check_range("price in 1e-8", score.price_e8, 0, LARGEST_PRICE_E8)
    _check_chance(score)
    known = [name for name in _LOSSES_OF_V2 if getattr(score, name) is not None]
    check_finite(("error_bp", *_LOSSES, *known), score)
    for name in (*_LOSSES, *known):
        if getattr(score, name) < 0:
            raise ValueError(f"{name} {getattr(score, name)} is negative")


def check_model_version(version: ModelVersion) -> None:
    """Refuse an event without a model, or of an unknown kind."""
    check_name("model", version.model)
    if version.version or version.event != ModelEvent.RETIRED:  # a whole model may be retired
        check_name("version", version.version)
    if version.symbol:
        check_symbol(version.symbol)
    check_one_of("event", version.event, ModelEvent)
    check_time("event time", version.event_ms)
    check_text("reason", version.reason)
    check_text("details", version.details)


def check_training_request(request: TrainingRequest) -> None:
    """Refuse a request without a model or a time range.

    The trainer answers a valid request that it cannot meet, and says what to request instead.
    """
    if request.symbol:
        check_symbol(request.symbol)
    check_name("model", request.model)
    check_time("from", request.from_ms)
    check_time("until", request.until_ms)
    check_name("requested by", request.requested_by)
    check_time("requested", request.requested_ms)


def _check_question(asked: Prediction | Score) -> None:
    check_symbol(asked.symbol)
    length_ms = check_candle_span(asked.interval, asked.open_ms, asked.close_ms)
    if not asked.open_ms <= asked.issued_ms < asked.close_ms:
        raise ValueError(f"issued at {asked.issued_ms} ms, outside of its candle")
    check_finite(("minutes_to_close", "volatility_bp"), asked)
    check_range("minutes to close", asked.minutes_to_close, 0, length_ms / _MINUTE_MS)
    check_range("volatility", asked.volatility_bp, 0, float("inf"))
    check_name("model", asked.model)
    check_name("version", asked.version)
    check_one_of("status", asked.status, PredictionStatus)


def _check_chance(asked: Prediction | Score) -> None:
    if asked.open_e8 is not None:
        check_range("open in 1e-8", asked.open_e8, 1, LARGEST_PRICE_E8)
    if asked.chance_up is not None:
        check_range("chance", asked.chance_up, 0, 1)
