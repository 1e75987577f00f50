"""The present state of the market: each symbol's newest price and its newest predictions.

Freshness is judged by arrival (nothing has arrived for a while) and by event time (the stream has
passed the candle). Event times are compared with the measured clock of the exchange, so that one
record from the future does no harm.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from api.live.clock import ExchangeClock
from api.live.events import Live
from schemas.market import Candle, CandleStatus
from schemas.predictions import Prediction


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state of a symbol's stream.

    Attributes:
        price_e8: Newest price.
        event_ms: Newest event time.
        arrived_s: When it arrived, in monotonic seconds; None if that was before we listened.
    """

    price_e8: int
    event_ms: int
    arrived_s: float | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A prediction and its time of arrival, as in `Head`."""

    prediction: Prediction
    arrived_s: float | None


@dataclass(slots=True)
class Market:
    """The newest records of the followed symbols; records of others are ignored.

    Attributes:
        followed: The followed symbols.
        clock_s: Clock in monotonic seconds.
        now_ms: Clock in UTC epoch milliseconds.
        ahead: Number of records ignored because they are ahead of the exchange's clock.
    """

    followed: Collection[str]
    clock_s: Callable[[], float]
    now_ms: Callable[[], int]
    heads: dict[str, Head] = field(default_factory=dict)
    predictions: dict[str, dict[str, Arrival]] = field(default_factory=dict)
    exchange: ExchangeClock = field(default_factory=ExchangeClock)
    ahead: int = 0

    @property
    def head_ms(self) -> int:
        """Newest plausible event time of all symbols."""
        latest_ms = self.exchange.latest_ms(self.now_ms())
        heads = [head.event_ms for head in self.heads.values()]
        asked = [
            arrival.prediction.issued_ms
            for models in self.predictions.values()
            for arrival in models.values()
        ]
        return max((ms for ms in (*heads, *asked) if ms <= latest_ms), default=0)

    def take(self, record: Live, *, received_ms: int, is_new: bool) -> None:
        """Update the state with a record.

        Args:
            record: A record of the stream.
            received_ms: Kafka's timestamp of it.
            is_new: Whether it arrived while we were listening.
        """
        if record.symbol not in self.followed:
            return
        arrived_s = self.clock_s() if is_new else None
        if isinstance(record, Candle):
            self._take_candle(record, min(received_ms, self.now_ms()), arrived_s)
        elif isinstance(record, Prediction):
            self._take_prediction(record, arrived_s)

    def age_s(self, arrived_s: float | None) -> float | None:
        """Return the seconds since a time of arrival; None if it is unknown."""
        return None if arrived_s is None else self.clock_s() - arrived_s

    def newest(self, symbol: str) -> list[Arrival]:
        """Return each model's newest prediction for the newest candle that has any."""
        arrivals = list(self.predictions.get(symbol, {}).values())
        newest_ms = max((a.prediction.open_ms for a in arrivals), default=0)
        return [a for a in arrivals if a.prediction.open_ms == newest_ms]

    def _take_candle(self, candle: Candle, received_ms: int, arrived_s: float | None) -> None:
        if candle.revision > 1 or candle.status == CandleStatus.GAPPED:
            return  # a late correction says nothing about the present
        latest_ms = self.exchange.latest_ms(self.now_ms())
        if candle.status == CandleStatus.OPEN:  # a closed one may come long after its last trade
            self.exchange.note(candle.event_ms, received_ms)
        if candle.event_ms > latest_ms:
            self.ahead += 1
            return
        known = self.heads.get(candle.symbol)
        if known and candle.event_ms < known.event_ms <= latest_ms:
            return
        self.heads[candle.symbol] = Head(candle.close_e8, candle.event_ms, arrived_s)

    def _take_prediction(self, prediction: Prediction, arrived_s: float | None) -> None:
        latest_ms = self.exchange.latest_ms(self.now_ms())
        if prediction.issued_ms > latest_ms:
            self.ahead += 1
            return
        models = self.predictions.setdefault(prediction.symbol, {})
        known = models.get(prediction.model)
        if known and prediction.issued_ms < known.prediction.issued_ms <= latest_ms:
            return
        models[prediction.model] = Arrival(prediction, arrived_s)
