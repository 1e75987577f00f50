"""The last closed candles one by one, for models that read a sequence.

They come beside the features of `processors.features.features`, under names of their own, and
only to the models that ask for them: nobody else's answers know that they are there.
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
_LEAST_VOLUME = 0.01  # of the mean: what a minute without trades counts as


class Recent:
    """The last `CANDLES` closed candles of one symbol, whatever was missing between them."""

    __slots__ = ("_bars",)

    def __init__(self) -> None:
        self._bars: deque[tuple[float, float, float]] = deque(maxlen=CANDLES)

    def add(self, bar: Bar) -> None:
        """Take the next closed candle."""
        self._bars.append((bar.log_return, bar.variance, bar.volume))

    def read(self, x: Features) -> Features:
        """Return the candles, by the names of `RECENT_NAMES`; those before the first are left out.

        Args:
            x: Features of the same moment: returns and log variances are given in relation to the
                volatility that they tell, volumes as logs in relation to the mean of these candles.
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
