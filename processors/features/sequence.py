"""The last closed candles one by one, for models that read a sequence.

They are added to the features of `processors.features.features` under names of their own, and only
for models that ask for them. The answers of all other models do not depend on them.
"""

import hashlib
from collections import deque
from math import exp, sqrt

import numpy as np

from processors.features.features import (
    CENTRE,
    FEATURES_HASH,
    TINY,
    VARIANCE_FLOOR,
    VOLATILITY,
    WIDEST,
    Features,
)
from processors.features.observation import Bar

CANDLES = 60
CHANNELS = ("return", "variance", "volume")
RECENT_NAMES = tuple(f"{name}_{ago}_ago" for ago in range(CANDLES, 0, -1) for name in CHANNELS)
RECENT_HASH = hashlib.sha256(repr((FEATURES_HASH, RECENT_NAMES)).encode()).hexdigest()
_LEAST_VOLUME = 0.01  # of the mean: the volume assumed for a minute without trades


class Recent:
    """The last `CANDLES` closed candles of one symbol, including any before a gap."""

    __slots__ = ("_bars",)

    def __init__(self) -> None:
        self._bars: deque[tuple[float, float, float]] = deque(maxlen=CANDLES)

    def add(self, bar: Bar) -> None:
        """Add the next closed candle."""
        self._bars.append((bar.log_return, bar.variance, bar.volume))

    def read(self, x: Features) -> Features:
        """Return the candles by the names of `RECENT_NAMES`, without names for missing ones.

        Args:
            x: Features of the same moment. Returns and log variances are relative to the volatility
                in them, log volumes to the mean of these candles.
        """
        if not self._bars:
            return {}
        bars = np.array(self._bars)
        usual = exp(x.get(VOLATILITY, 0.0) - CENTRE)
        bars[:, 0] /= sqrt(usual)
        bars[:, 1] = np.log((bars[:, 1] + VARIANCE_FLOOR) / usual)
        mean = bars[:, 2].mean() + TINY
        bars[:, 2] = np.log((bars[:, 2] + _LEAST_VOLUME * mean) / mean)
        values = np.clip(bars, -WIDEST, WIDEST).ravel().tolist()
        return dict(zip(RECENT_NAMES[-len(values) :], values, strict=True))
