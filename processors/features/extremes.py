"""The highest and the lowest price of the last candles, at a cost that does not grow with them."""

from collections import deque


class Extremes:
    """Highest high and lowest low of the last ``width`` candles.

    >>> extremes = Extremes(2)
    >>> for high, low in ((9.0, 1.0), (5.0, 4.0), (6.0, 5.0)):
    ...     extremes.add(high, low)
    >>> extremes.highest, extremes.lowest
    (6.0, 4.0)
    """

    __slots__ = ("_count", "_highs", "_lows", "_width")

    def __init__(self, width: int) -> None:
        self._width = width
        self._count = 0
        # Only candles that no later one has outdone, so the first of each is the extreme.
        self._highs: deque[tuple[int, float]] = deque()
        self._lows: deque[tuple[int, float]] = deque()

    def add(self, high: float, low: float) -> None:
        """Add the next candle."""
        count = self._count = self._count + 1
        highs, lows = self._highs, self._lows
        while highs and highs[-1][1] <= high:
            highs.pop()
        while lows and lows[-1][1] >= low:
            lows.pop()
        highs.append((count, high))
        lows.append((count, low))
        before = count - self._width
        if highs[0][0] <= before:
            highs.popleft()
        if lows[0][0] <= before:
            lows.popleft()

    @property
    def highest(self) -> float:
        """The highest high; there must be a candle."""
        return self._highs[0][1]

    @property
    def lowest(self) -> float:
        """The lowest low; there must be a candle."""
        return self._lows[0][1]
