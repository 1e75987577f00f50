"""Builders of predictions."""

from dataclasses import replace

from schemas.predictions import Prediction
from tests.support.builders import START_MS

QUARTER_MS = 900_000


def a_prediction(**changes: object) -> Prediction:
    """Return a prediction of a candle of a quarter of an hour."""
    prediction = Prediction(
        symbol="BTCUSDT",
        interval="15m",
        open_ms=START_MS,
        close_ms=START_MS + QUARTER_MS,
        issued_ms=START_MS + 60_000,
        minutes_to_close=14.0,
        model="online",
        version="1",
        status="ready",
        scored=True,
        champion=True,
        last_price_e8=100 * 10**8,
        price_e8=101 * 10**8,
        low_50_e8=99 * 10**8,
        high_50_e8=103 * 10**8,
        low_90_e8=95 * 10**8,
        high_90_e8=107 * 10**8,
        volatility_bp=4.5,
    )
    return replace(prediction, **changes)  # type: ignore[arg-type]


def an_answer(open_ms: int, **changes: object) -> Prediction:
    """Return a prediction of the candle that opens then, of its first minute."""
    times = {"open_ms": open_ms, "close_ms": open_ms + QUARTER_MS, "issued_ms": open_ms + 60_000}
    return a_prediction(**times, **changes)
