"""Ordering of the exchange's closed candles of one symbol and interval, each value once. Pure."""

from collections import deque
from dataclasses import replace
from typing import Final

from clients.retry import doubled
from schemas.market import Candle
from schemas.timeframe import Interval

GRACE_MS: Final = 5_000  # the closing frame comes within a second or two
MAX_HELD: Final = 2_000
FIRST_PAUSE_MS: Final = 500
LONGEST_PAUSE_MS: Final = 60_000
NOT_STARTED: Final = -1
REMEMBERED: Final = 5  # candles that were published, for which a correction is awaited


class KlineTrack:
    """The candles to publish next; a missing one becomes due for a request to REST.

    The exchange may send a candle again seconds after its close, with another value: that is a
    further revision.

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
        self._published: dict[int, Candle] = {}
        self._corrected: deque[Candle] = deque()
        self._asked: tuple[int, int] = (NOT_STARTED, 0)
        self._times = 0

    def start(self, event_ms: int) -> None:
        """Start with the candle that contains this event time."""
        self.next_open_ms = self.interval.open_of(event_ms)
        self._held = {ms: one for ms, one in self._held.items() if ms >= self.next_open_ms}

    def offer(self, candle: Candle) -> None:
        """Accept a closed candle; of one opening time the latest value counts."""
        if candle.open_ms < self.next_open_ms:
            self._correct(candle)
            return
        known = self._held.get(candle.open_ms)
        if known is None or _is_later(known, candle):
            self._held[candle.open_ms] = candle
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
        return self._corrected[0] if self._corrected else self._held.get(self.next_open_ms)

    def published(self) -> None:
        """Record that the candle from `ready` is published."""
        if self._corrected:
            self._corrected.popleft()
            return
        candle = self._held.pop(self.next_open_ms)
        self.next_open_ms = candle.close_ms
        self._published[candle.open_ms] = candle
        if len(self._published) > REMEMBERED:
            del self._published[min(self._published)]

    def _correct(self, candle: Candle) -> None:
        known = self._published.get(candle.open_ms)
        if known is not None and _is_later(known, candle):
            corrected = replace(candle, revision=known.revision + 1)
            self._published[candle.open_ms] = corrected
            self._corrected.append(corrected)

    def answered(self, candles: list[Candle], asked_ms: int, now_ms: int) -> None:
        """Accept REST's candles from the opening time ``asked_ms`` on, at a steady time.

        If another candle is due by now, because the track was started anew meanwhile, the answer
        says nothing of it.
        """
        if asked_ms != self.next_open_ms:
            return
        self._times = self._times + 1 if self._asked[0] == self.next_open_ms else 1
        self._asked = (self.next_open_ms, now_ms)
        self.fill(candles)

    def is_due(self, stream_ms: int, now_ms: int) -> bool:
        """Check whether the next candle is overdue at this event time of the stream.

        One that REST does not have is asked for again after longer and longer pauses: a market
        that stands still has none.
        """
        missing = self.next_open_ms != NOT_STARTED and self.next_open_ms not in self._held
        if not missing or stream_ms < self.next_open_ms + self.interval.ms + GRACE_MS:
            return False
        pause_ms = doubled(FIRST_PAUSE_MS, self._times, LONGEST_PAUSE_MS)
        return self._asked[0] != self.next_open_ms or now_ms - self._asked[1] >= pause_ms


def _is_later(known: Candle, candle: Candle) -> bool:
    return candle.event_ms > known.event_ms and candle.values != known.values
