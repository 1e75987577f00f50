"""Ordering of the exchange's closed candles of one symbol and interval, each once. Pure."""

from typing import Final

from schemas.market import Candle
from schemas.timeframe import Interval

GRACE_MS: Final = 5_000  # the closing frame comes within a second or two
MAX_HELD: Final = 2_000
NOT_STARTED: Final = -1


class KlineTrack:
    """The candles to publish next; a missing one becomes due for a request to REST.

    Attributes:
        symbol: For example ``BTCUSDT``.
        interval: Length of the candles.
        next_open_ms: Opening time of the next candle to publish; -1 until `start`.
    """

    def __init__(self, symbol: str, interval: Interval) -> None:
        self.symbol = symbol
        self.interval = interval
        self.next_open_ms = NOT_STARTED
        self._held: dict[int, Candle] = {}

    def start(self, event_ms: int) -> None:
        """Start with the candle that contains this event time."""
        self.next_open_ms = self.interval.open_of(event_ms)
        self._held = {ms: one for ms, one in self._held.items() if ms >= self.next_open_ms}

    def offer(self, candle: Candle) -> None:
        """Accept a closed candle; the first of each opening time counts."""
        if candle.open_ms < self.next_open_ms:
            return
        self._held.setdefault(candle.open_ms, candle)
        if len(self._held) > MAX_HELD:  # the earliest are needed first; REST has the others
            del self._held[max(self._held)]

    def fill(self, candles: list[Candle]) -> None:
        """Accept REST candles from `next_open_ms` on; a candle that REST lacks does not exist."""
        for candle in candles:
            self.offer(candle)
        if candles and self.next_open_ms not in self._held:
            self.next_open_ms = min(self._held, default=self.next_open_ms)

    def ready(self) -> Candle | None:
        """Return the candle to publish next; None if it has not arrived."""
        return self._held.get(self.next_open_ms)

    def published(self) -> None:
        """Record that the candle from `ready` is published."""
        self.next_open_ms = self._held.pop(self.next_open_ms).close_ms

    def is_due(self, stream_ms: int) -> bool:
        """Check whether the next candle is overdue at this event time of the stream."""
        missing = self.next_open_ms != NOT_STARTED and self.next_open_ms not in self._held
        return missing and stream_ms >= self.next_open_ms + self.interval.ms + GRACE_MS
