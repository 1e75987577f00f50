"""Estimate of the exchange's clock: our steady clock plus an offset from its messages. Pure.

Times are milliseconds of one steady clock, passed in: a jump of the machine's clock changes
nothing, and a machine whose clock is an hour off works like any other.
"""

from typing import Final

REST: Final = "REST"  # name of the witness that is asked, not sent
KEPT_MS: Final = 300_000
LEAP_MS: Final = 3_000
_FEW: Final = 2


class ExchangeClock:
    """The estimated clock of the exchange.

    Each source of its time is a witness: each symbol (each stream, if there are few symbols), and
    REST's `time`. The newest time of each witness counts. Times arrive late, never early, so the
    clock is as far as more than a third of the witnesses report: a false witness has no effect, and
    old ones do not delay the clock. For some minutes it does not go back, because frames that
    waited while this process was blocked are old, not a sign of an earlier clock.

    Several false frames in a row may agree on a leap. After a sleep that our steady clock did not
    count, all do. A leap is believed once REST confirms it, or when no true time has ended the
    agreement for `LEAP_MS`.
    """

    def __init__(self, *, ahead_ms: int) -> None:
        """Set up a clock without witnesses.

        Args:
            ahead_ms: Milliseconds that a frame or a trade may be ahead of the clock.
        """
        self._ahead_ms = ahead_ms
        self._offsets: dict[str, int] = {}
        self._calm_until_ms = -1
        self._calm_offset = self._most_beyond = 0
        self._beyond: set[str] = set()  # witnesses that tell a later time than the clock
        self._highest: int | None = None
        self._highest_before: int | None = None
        self._turned_ms: int | None = None
        self._leaps_since_ms: int | None = None

    def hear(self, witness: str, exchange_ms: int, steady_ms: int) -> bool:
        """Record the exchange's time from a witness, received at a steady time.

        Returns:
            False if it moved neither the clock nor what `bounds_ms` returns.
        """
        offset_ms = exchange_ms - steady_ms
        if steady_ms < self._calm_until_ms:
            (self._beyond.add if offset_ms > self._calm_offset else self._beyond.discard)(witness)
            if len(self._beyond) <= self._most_beyond:
                self._offsets[witness] = offset_ms
                return False
        self._hear(witness, offset_ms, steady_ms)
        self._take_stock()
        return True

    def now_ms(self, steady_ms: int) -> int:
        """Return the exchange's time, UTC epoch milliseconds; steady time without witnesses."""
        return steady_ms + self._offset()

    def note(self, witness: str, exchange_ms: int, steady_ms: int) -> None:
        """Record a time from a witness that `bounds_ms` said to change nothing."""
        self._offsets[witness] = exchange_ms - steady_ms
        self._beyond.discard(witness)

    def bounds_ms(self, steady_ms: int) -> tuple[int, int]:
        """Return up to which time a message changes nothing, and up to which it is not ahead.

        Both are -1 while only `hear` can tell. Later messages may move both up, never down.
        """
        if steady_ms >= self._calm_until_ms:
            return -1, -1
        return steady_ms + self._calm_offset, self.now_ms(steady_ms) + self._ahead_ms

    @property
    def is_leaping(self) -> bool:
        """Whether the witnesses agree on a leap that is not believed yet: REST can confirm it."""
        return self._leaps_since_ms is not None

    @property
    def is_set(self) -> bool:
        """Whether any witness has been heard."""
        return bool(self._offsets)

    def is_ahead(self, time_ms: int, steady_ms: int) -> bool:
        """Check whether a time is too far ahead to be a true time of the exchange."""
        return bool(self._offsets) and time_ms > self.now_ms(steady_ms) + self._ahead_ms

    def _hear(self, witness: str, offset_ms: int, steady_ms: int) -> None:
        before = self._offset() if self._offsets else None
        self._offsets[witness] = offset_ms
        self._turn(steady_ms)
        if len(self._offsets) <= _FEW:
            return
        agreed = self._agreed()
        if before is None or self._is_believed(agreed, before, steady_ms):
            self._highest = agreed if self._highest is None else max(self._highest, agreed)

    def _take_stock(self) -> None:
        """Find which witnesses could move the clock, so that the others need not be asked.

        Until then, it moves only once more of them are beyond where it stands than may be.
        """
        self._calm_until_ms = -1
        if self._highest is None or self._turned_ms is None or self._leaps_since_ms is not None:
            return
        self._calm_until_ms = self._turned_ms + KEPT_MS
        self._calm_offset = highest = self._highest
        self._beyond = {witness for witness, one in self._offsets.items() if one > highest}
        self._most_beyond = _rank(len(self._offsets))

    def _is_believed(self, agreed: int, before: int, steady_ms: int) -> bool:
        if agreed <= max(before, self._offsets.get(REST, before)) + self._ahead_ms:
            self._leaps_since_ms = None
            return True
        if self._leaps_since_ms is None:
            self._leaps_since_ms = steady_ms
        return steady_ms - self._leaps_since_ms >= LEAP_MS

    def _offset(self) -> int:
        highest, before = self._highest, self._highest_before
        if highest is None:
            highest = before
        if highest is not None:
            return highest if before is None else max(highest, before)
        return self._agreed() if self._offsets else 0

    def _agreed(self) -> int:
        offsets = sorted(self._offsets.values(), reverse=True)
        return offsets[_rank(len(offsets))]

    def _turn(self, steady_ms: int) -> None:
        if self._turned_ms is None:
            self._turned_ms = steady_ms
        if steady_ms - self._turned_ms >= KEPT_MS:
            self._highest_before, self._highest = self._highest, None
            self._turned_ms = steady_ms


def _rank(witnesses: int) -> int:
    """Return how many of the witnesses may be ahead of the clock."""
    # Of two that differ, the lower is safe: at worst a true time is refused for a moment.
    return min(witnesses - 1, max(1, witnesses // 3))
