"""Estimates the difference between the exchange's clock and ours from open candles. Pure.

A replayed market may be in another year, and a clock may be wrong. So a record counts as too far
ahead only compared with most of the newest candles, and a single record changes nothing.
"""

from collections import deque
from statistics import quantiles
from typing import Final

from schemas.rules.market import AHEAD_MS

KEPT: Final = 15
ENOUGH: Final = 5  # with fewer samples both clocks are assumed to agree


class ExchangeClock:
    """The measured difference between the two clocks."""

    def __init__(self) -> None:
        self._offsets: deque[int] = deque(maxlen=KEPT)

    @property
    def offset_ms(self) -> int | None:
        """How far the exchange's clock is ahead of ours, minus network delay; None if unknown."""
        return round(self._quarters()[1]) if len(self._offsets) >= ENOUGH else None

    def note(self, event_ms: int, received_ms: int) -> None:
        """Add a sample: event time by the exchange's clock, and time of receipt by ours."""
        self._offsets.append(event_ms - received_ms)

    def latest_ms(self, now_ms: int) -> int:
        """Return the latest plausible event time when our clock shows ``now_ms``."""
        if len(self._offsets) < ENOUGH:
            return now_ms + AHEAD_MS
        low, middle, high = self._quarters()
        # A market replayed faster than real time runs ahead of the median; the spread of the middle
        # half of the samples shows how fast.
        return now_ms + round(middle + 2 * (high - low)) + AHEAD_MS

    def _quarters(self) -> list[float]:
        return quantiles(self._offsets, n=4)
