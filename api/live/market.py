"""What is known right now: the head of each symbol's stream and its newest predictions.

Fresh or not is decided by arrival (nothing came for a while) and by event time (the stream has
passed the candle), never by comparing our clock with the exchange's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from api.live.events import Live
from schemas.market import Candle, CandleStatus
from schemas.predictions import Prediction


@dataclass(frozen=True, slots=True)
class Head:
    """How far a symbol's stream has come.

    Attributes:
        price_e8: Newest price.
        event_ms: Newest event time.
        arrived_s: When it came, monotonic seconds; None where it was there before we listened.
    """

    price_e8: int
    event_ms: int
    arrived_s: float | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A prediction and when it came, as in `Head`."""

    prediction: Prediction
    arrived_s: float | None


@dataclass(slots=True)
class Market:
    """Everything that came last.

    Attributes:
        clock_s: Monotonic seconds.
        head_ms: Newest event time of all symbols.
    """

    clock_s: Callable[[], float]
    heads: dict[str, Head] = field(default_factory=dict)
    predictions: dict[str, dict[str, Arrival]] = field(default_factory=dict)
    head_ms: int = 0

    def take(self, record: Live, *, is_new: bool) -> None:
        """Take note of a record; `is_new` says that it came while we listened."""
        arrived_s = self.clock_s() if is_new else None
        if isinstance(record, Candle):
            self._take_candle(record, arrived_s)
        elif isinstance(record, Prediction):
            self._take_prediction(record, arrived_s)

    def age_s(self, arrived_s: float | None) -> float | None:
        """Return how long ago something came; None where that is not known."""
        return None if arrived_s is None else self.clock_s() - arrived_s

    def newest(self, symbol: str) -> list[Arrival]:
        """Return the newest prediction of each model, of the newest candle that has any."""
        arrivals = list(self.predictions.get(symbol, {}).values())
        newest_ms = max((a.prediction.open_ms for a in arrivals), default=0)
        return [a for a in arrivals if a.prediction.open_ms == newest_ms]

    def _take_candle(self, candle: Candle, arrived_s: float | None) -> None:
        self.head_ms = max(self.head_ms, candle.event_ms)
        known = self.heads.get(candle.symbol)
        if known and known.event_ms > candle.event_ms:
            return
        if candle.revision > 1 or candle.status == CandleStatus.GAPPED:
            return  # a late correction says nothing about now
        self.heads[candle.symbol] = Head(candle.close_e8, candle.event_ms, arrived_s)

    def _take_prediction(self, prediction: Prediction, arrived_s: float | None) -> None:
        self.head_ms = max(self.head_ms, prediction.issued_ms)
        models = self.predictions.setdefault(prediction.symbol, {})
        known = models.get(prediction.model)
        if known is None or known.prediction.issued_ms <= prediction.issued_ms:
            models[prediction.model] = Arrival(prediction, arrived_s)
