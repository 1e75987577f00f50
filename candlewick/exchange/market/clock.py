"""The market's clock, which can be set, sped up and stopped."""

import time


def _steady_s() -> float:
    """Return seconds that no setting of the machine's clock changes; its sleep counts on Linux."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class MarketClock:
    """A clock of market time in UTC epoch milliseconds that never runs backwards."""

    def __init__(self, *, start_ms: int | None = None, speed: float = 1.0) -> None:
        self._real_s = _steady_s()
        self._market_ms = time.time() * 1000 if start_ms is None else float(start_ms)
        self._speed = speed
        self._last_ms = int(self._market_ms)

    @property
    def speed(self) -> float:
        """Market seconds per real second."""
        return self._speed

    def now_ms(self) -> int:
        """Return the market's time, UTC epoch milliseconds."""
        elapsed_ms = (_steady_s() - self._real_s) * 1000 * self._speed
        self._last_ms = max(self._last_ms, int(self._market_ms + elapsed_ms))
        return self._last_ms

    def set_speed(self, speed: float) -> None:
        """Change the speed from the present moment on; 0 stops the clock."""
        self._rebase(self.now_ms())
        self._speed = speed

    def advance(self, by_ms: int) -> None:
        """Move the clock forward; all events in between happen at once."""
        self._rebase(self.now_ms() + by_ms)

    def _rebase(self, market_ms: int) -> None:
        self._real_s = _steady_s()
        self._market_ms = float(market_ms)
