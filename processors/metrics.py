"""Metrics of the candle worker and of the predictor."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge

from schemas.market import FIRST_REVISION, Candle

_CLOSED: Final = Counter(
    "candlewick_candles_closed_total",
    "Candles closed, those sent again included.",
    ["interval", "status"],
)
_REVISED: Final = Counter(
    "candlewick_candle_revisions_total",
    "Closed candles sent again with a higher revision, because trades were repaired or late.",
    ["interval"],
)
PUBLISHED: Final = Counter(
    "candlewick_predictor_records_total",
    "Records of the predictor: Prediction, Score, ModelVersion.",
    ["record"],
)
WARM: Final = Gauge("candlewick_predictor_warm_symbols", "Symbols that are predicted.")
WAITING: Final = Gauge(
    "candlewick_predictor_waiting_symbols", "Symbols that wait until they know their history."
)
TRAININGS: Final = Counter(
    "candlewick_trainings_total", "Trainings that have ended, by what came of them.", ["event"]
)


def count_revisions(intervals: Iterable[str]) -> None:
    """Let the count of revisions of each interval begin at zero, so that the first one is seen."""
    for interval in intervals:
        _REVISED.labels(interval)


def candles_closed(candles: Iterable[Candle]) -> None:
    """Count candles that a block has closed."""
    for candle in candles:
        _CLOSED.labels(candle.interval, candle.status).inc()
        if candle.revision > FIRST_REVISION:
            _REVISED.labels(candle.interval).inc()
