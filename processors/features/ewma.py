"""Exponentially weighted moving averages that start as plain means."""

from collections.abc import Sequence


def gain(half_life: float) -> float:
    """Return the weight of the newest value for a half-life counted in values."""
    return float(1 - 2 ** (-1 / half_life))


class Moving:
    """Moving averages of one quantity, one per half-life, or of as many quantities.

    >>> averages = Moving((1, 10), step=1)
    >>> averages.add(2.0)
    >>> averages.add(4.0)
    >>> averages.values
    [3.0, 3.0]
    >>> averages.add_each((9.0, 0.0))
    >>> averages.values
    [6.0, 2.0]

    Attributes:
        values: The averages, in the order of the half-lives; zero before the first value.
    """

    __slots__ = ("_gains", "_smallest", "count", "values")

    def __init__(self, half_lives: tuple[float, ...], *, step: float) -> None:
        """Set the half-lives, in the same unit as ``step``, the distance between two values."""
        self._gains = [gain(half_life / step) for half_life in half_lives]
        self._smallest = min(self._gains)
        self.values = [0.0] * len(half_lives)
        self.count = 0

    def add(self, value: float) -> None:
        """Add the next value to every average."""
        self.values = [
            average + weight * (value - average)
            for average, weight in zip(self.values, self._weights(), strict=True)
        ]

    def add_each(self, values: Sequence[float]) -> None:
        """Add the next value of each average's own quantity."""
        self.values = [
            average + weight * (value - average)
            for average, weight, value in zip(self.values, self._weights(), values, strict=True)
        ]

    def _weights(self) -> list[float]:
        """Count one value more, and return its weight in each average."""
        self.count += 1
        first = 1 / self.count
        gains = self._gains
        return gains if first < self._smallest else [max(g, first) for g in gains]
