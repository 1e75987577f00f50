"""The exchange's clock beside ours, as open candles tell it; it may be of another year. Pure.

A replayed market has times of its own, and a clock may be wrong: so what is too far ahead is judged
by what most of the newest candles say, and one record alone moves nothing.
"""

from collections import deque
from statistics import quantiles
from typing import Final

from schemas.rules.market import AHEAD_MS

KEPT: Final = 15
ENOUGH: Final = 5  # fewer say nothing: until then both clocks count as one


class ExchangeClock:
    """The difference of the two clocks, measured."""

    def __init__(self) -> None:
        self._offsets: deque[int] = deque(maxlen=KEPT)

    @property
    def offset_ms(self) -> int | None:
        """How far the exchange's clock is ahead of ours, less the way here; None: not known."""
        return round(self._quarters()[1]) if len(self._offsets) >= ENOUGH else None

    def note(self, event_ms: int, received_ms: int) -> None:
        """Take note of when something happened, by the exchange, and when it came, by us."""
        self._offsets.append(event_ms - received_ms)

    def latest_ms(self, now_ms: int) -> int:
        """Return the latest event time that can be believed at `now_ms` of our clock."""
        if len(self._offsets) < ENOUGH:
            return now_ms + AHEAD_MS
        low, middle, high = self._quarters()
        # A market that is replayed faster than it was runs away from the median: the spread of the
        # middle half of the samples says how fast.
        return now_ms + round(middle + 2 * (high - low)) + AHEAD_MS

    def _quarters(self) -> list[float]:
        return quantiles(self._offsets, n=4)
