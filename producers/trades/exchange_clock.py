"""The exchange's clock as we know it: ours plus an offset that its own words tell. Pure.

Times are milliseconds of one steady clock, passed in: a jump of the machine's clock changes
nothing, and a machine whose clock is an hour off works as any other.
"""

from typing import Final

KEPT_MS: Final = 300_000
_FEW: Final = 2


class ExchangeClock:
    """What the clock of the exchange shows.

    Everybody who tells its time is a witness: each symbol (each stream, where there are few
    symbols), and REST's `time`. Of each the newest word counts. What they say comes late, never
    early, so the clock is as far as more than a third of them say: a witness that lies is not
    believed, and old ones do not hold it back. For some minutes it does not go back: frames that
    waited while this process stood still are old news, no older clock.
    """

    def __init__(self, *, ahead_ms: int) -> None:
        """Begin without a witness.

        Args:
            ahead_ms: How far a frame or a trade may be ahead of it.
        """
        self._ahead_ms = ahead_ms
        self._offsets: dict[str, int] = {}
        self._highest: int | None = None
        self._highest_before: int | None = None
        self._turned_ms: int | None = None

    def hear(self, witness: str, exchange_ms: int, steady_ms: int) -> None:
        """Take note of a time that a witness told, heard at a steady time."""
        self._offsets[witness] = exchange_ms - steady_ms
        self._turn(steady_ms)
        if len(self._offsets) > _FEW:
            agreed = self._agreed()
            self._highest = agreed if self._highest is None else max(self._highest, agreed)

    def now_ms(self, steady_ms: int) -> int:
        """Return what it shows, UTC epoch milliseconds; the steady time while nobody told."""
        return steady_ms + self._offset()

    def is_ahead(self, time_ms: int, steady_ms: int) -> bool:
        """Tell whether a time is farther ahead than the exchange can have stamped it."""
        return bool(self._offsets) and time_ms > self.now_ms(steady_ms) + self._ahead_ms

    def _offset(self) -> int:
        kept = [one for one in (self._highest, self._highest_before) if one is not None]
        if kept:
            return max(kept)
        return self._agreed() if self._offsets else 0

    def _agreed(self) -> int:
        offsets = sorted(self._offsets.values(), reverse=True)
        # Of two that differ the lower is safe: at worst something true is refused for a moment.
        return offsets[min(len(offsets) - 1, max(1, len(offsets) // 3))]

    def _turn(self, steady_ms: int) -> None:
        if self._turned_ms is None:
            self._turned_ms = steady_ms
        if steady_ms - self._turned_ms >= KEPT_MS:
            self._highest_before, self._highest = self._highest, None
            self._turned_ms = steady_ms
