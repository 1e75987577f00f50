"""The market's clock: real time, or time that is set, sped up or stopped."""

import time


class MarketClock:
    """Tell market time in UTC epoch milliseconds; it never runs backwards."""

    def __init__(self, *, start_ms: int | None = None, speed: float = 1.0) -> None:
        self._real_s = time.time()
        self._market_ms = self._real_s * 1000 if start_ms is None else float(start_ms)
        self._speed = speed
        self._last_ms = int(self._market_ms)

    @property
    def speed(self) -> float:
        """Return market seconds a real second."""
        return self._speed

    def now_ms(self) -> int:
        """Return the market's time."""
        elapsed_ms = (time.time() - self._real_s) * 1000 * self._speed
        self._last_ms = max(self._last_ms, int(self._market_ms + elapsed_ms))
        return self._last_ms

    def set_speed(self, speed: float) -> None:
        """Go on from the present moment at another speed; 0 stops the clock."""
        self._rebase(self.now_ms())
        self._speed = speed

    def advance(self, by_ms: int) -> None:
        """Jump forward; everything in between happens at once."""
        self._rebase(self.now_ms() + by_ms)

    def _rebase(self, market_ms: int) -> None:
        self._real_s = time.time()
        self._market_ms = float(market_ms)
