"""Seasonal volatility: by quarter of an hour of the day, and by minute of the hour.

Source: Andersen and Bollerslev, "Intraday periodicity and volatility persistence in financial
markets", Journal of Empirical Finance 4 (1997).
"""

from math import log

from processors.features.ewma import gain
from schemas.timeframe import MINUTE_MS

SLOTS = 96
SLOT_MS = 15 * MINUTE_MS
DAY_MS = SLOTS * SLOT_MS
HOUR_MINUTES = 60
WEEKEND = (5, 6)  # Saturday and Sunday, Monday being 0
FIRST_DAY = 3  # 1970-01-01 was a Thursday
SLOT_GAIN = gain(30)  # a slot comes once a day
WEEKEND_FACTOR = 2.5  # a week has 2 weekend days and 5 others
LEVEL_GAIN = gain(96)  # candles: a day
RECENT_GAIN = gain(4)  # candles: an hour
MINUTE_GAIN = gain(120)  # a minute comes once an hour
TINY_VARIANCE = 1e-9  # keeps the logarithm finite when nothing moves
MOST_BUSY = 20.0  # one jump must not become the habit of its minute


class SlotSeason:
    """Log variance of each of the day's 96 slots against the usual, weekends separately.

    Attributes:
        recent: Moving average of the season over the last candles: the part of recent volatility
            that is due to the time of day.
    """

    __slots__ = ("_counts", "_level", "_levels", "_offsets", "_read", "recent")

    def __init__(self) -> None:
        self._offsets = [[0.0] * SLOTS, [0.0] * SLOTS]
        self._counts = [[0] * SLOTS, [0] * SLOTS]
        self._level = 0.0
        self._levels = 0
        self._read: tuple[int, float] | None = None  # the slot read last, and what was expected
        self.recent = 0.0

    def learn(self, open_ms: int, variance: float) -> None:
        """Learn the variance of the 15-minute candle that opened at ``open_ms``."""
        self.recent += RECENT_GAIN * (self.at(open_ms) - self.recent)
        self._read = None
        day, slot = _place(open_ms)
        seen = log(variance + TINY_VARIANCE)
        if self._levels:
            self._counts[day][slot] += 1
            slow = SLOT_GAIN * (WEEKEND_FACTOR if day else 1.0)
            step = max(slow, 1 / self._counts[day][slot])
            self._offsets[day][slot] += step * (seen - self._level - self._offsets[day][slot])
        self._levels += 1
        self._level += max(LEVEL_GAIN, 1 / self._levels) * (seen - self._level)

    def at(self, open_ms: int) -> float:
        """Return the log variance expected in the slot of ``open_ms``, against the usual."""
        read = self._read
        if read is None or read[0] != open_ms:
            read = self._read = open_ms, self._expected(open_ms)
        return read[1]

    def _expected(self, open_ms: int) -> float:
        day, slot = _place(open_ms)
        offsets = self._offsets[day]
        if 1 < slot < SLOTS - 2:
            left2, left, here, right, right2 = offsets[slot - 2 : slot + 3]
        else:
            left2, left, here, right, right2 = (offsets[(slot + i) % SLOTS] for i in range(-2, 3))
        # One slot alone is noisy, with one value a day; its neighbours are nearly the same.
        return 0.1 * (left2 + right2) + 0.2 * (left + right) + 0.4 * here


class MinuteSeason:
    """Variance of each minute of the hour against that of the hour before it."""

    __slots__ = ("_counts", "_factors", "_sum")

    def __init__(self) -> None:
        self._factors = [1.0] * HOUR_MINUTES
        self._sum = float(HOUR_MINUTES)
        self._counts = [0] * HOUR_MINUTES

    def learn(self, open_ms: int, variance: float, usual: float) -> None:
        """Learn the variance of one minute; ``usual`` is the moving average before it."""
        minute = open_ms // MINUTE_MS % HOUR_MINUTES
        self._counts[minute] += 1
        step = max(MINUTE_GAIN, 1 / (1 + self._counts[minute]))
        factor = min(variance / usual, MOST_BUSY) if usual > 0 else 1.0
        change = step * (factor - self._factors[minute])
        self._factors[minute] += change
        self._sum += change

    def rest(self, from_ms: int, minutes: int) -> float:
        """Return the log of the mean variance of the next ``minutes`` against the hour's mean."""
        first = from_ms // MINUTE_MS % HOUR_MINUTES
        rest = sum(self._factors[first : first + minutes]) / minutes
        usual = self._sum / HOUR_MINUTES
        return log(max(rest, TINY_VARIANCE) / max(usual, TINY_VARIANCE))


def _place(open_ms: int) -> tuple[int, int]:
    day = (open_ms // DAY_MS + FIRST_DAY) % 7
    return int(day in WEEKEND), open_ms % DAY_MS // SLOT_MS
