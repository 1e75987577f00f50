"""The exchange's own closed candles of one symbol and interval, each once and in order. Pure."""

from typing import Final

from schemas.market import Candle
from schemas.timeframe import Interval

GRACE_MS: Final = 5_000  # the closing frame comes within a second or two
MAX_HELD: Final = 2_000
NOT_STARTED: Final = -1


class KlineTrack:
    """What is to be published next; a candle that does not come is asked for.

    Attributes:
        symbol: For example ``BTCUSDT``.
        interval: Length of its candles.
        next_open_ms: Opening time of the next candle to publish; -1 until `start`.
    """

    def __init__(self, symbol: str, interval: Interval) -> None:
        self.symbol = symbol
        self.interval = interval
        self.next_open_ms = NOT_STARTED
        self._held: dict[int, Candle] = {}

    def start(self, event_ms: int) -> None:
        """Begin with the candle that holds this event time."""
        self.next_open_ms = self.interval.open_of(event_ms)
        self._held = {ms: one for ms, one in self._held.items() if ms >= self.next_open_ms}

    def offer(self, candle: Candle) -> None:
        """Take a closed candle; the first of each opening time counts."""
        if candle.open_ms < self.next_open_ms:
            return
        self._held.setdefault(candle.open_ms, candle)
        if len(self._held) > MAX_HELD:  # the earliest are wanted first; REST has the others
            del self._held[max(self._held)]

    def fill(self, candles: list[Candle]) -> None:
        """Take what REST has from `next_open_ms` on; what it has not does not exist."""
        for candle in candles:
            self.offer(candle)
        if candles and self.next_open_ms not in self._held:
            self.next_open_ms = min(self._held, default=self.next_open_ms)

    def ready(self) -> Candle | None:
        """Return the candle to publish next, or None."""
        return self._held.get(self.next_open_ms)

    def published(self) -> None:
        """Take note that what `ready` returned is published."""
        self.next_open_ms = self._held.pop(self.next_open_ms).close_ms

    def is_due(self, stream_ms: int) -> bool:
        """Tell whether the next candle should be known, at this event time of the stream."""
        missing = self.next_open_ms != NOT_STARTED and self.next_open_ms not in self._held
        return missing and stream_ms >= self.next_open_ms + self.interval.ms + GRACE_MS
