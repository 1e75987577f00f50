"""The plan of each minute, made before its trades: prices, volume and number of trades."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from candlewick.exchange.market.random_by_address import I64

_MINUTE_BYTES: Final = 7 * 8  # seven columns


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The plan of consecutive minutes of one symbol; prices in ticks.

    Attributes:
        volume: Volume in whole quantity steps.
        rest_e8: Volume below one step (recorded minutes only), added to the last trade.
        aggregates: Number of aggregate trades, 0 in a quiet minute.
    """

    first_minute: int
    open: I64
    high: I64
    low: I64
    close: I64
    volume: I64
    rest_e8: I64
    aggregates: I64

    def __len__(self) -> int:
        return len(self.open)

    @property
    def nbytes(self) -> int:
        """Number of bytes in memory."""
        return len(self) * _MINUTE_BYTES

    def span(self, start: int, stop: int) -> "Skeleton":
        """Return the minutes from `start` up to `stop`, counted from the first."""
        return Skeleton(
            first_minute=self.first_minute + start,
            open=self.open[start:stop],
            high=self.high[start:stop],
            low=self.low[start:stop],
            close=self.close[start:stop],
            volume=self.volume[start:stop],
            rest_e8=self.rest_e8[start:stop],
            aggregates=self.aggregates[start:stop],
        )

    def halted(self, mask: NDArray[np.bool_], last_close: int) -> "Skeleton":
        """Return the minutes, with the masked ones flat at the last price and without trades."""
        traded = np.where(~mask, np.arange(len(self)), -1)
        latest = np.maximum.accumulate(traded)
        flat = np.where(latest >= 0, self.close[latest], last_close)
        return Skeleton(
            first_minute=self.first_minute,
            open=np.where(mask, flat, self.open),
            high=np.where(mask, flat, self.high),
            low=np.where(mask, flat, self.low),
            close=np.where(mask, flat, self.close),
            volume=np.where(mask, 0, self.volume),
            rest_e8=np.where(mask, 0, self.rest_e8),
            aggregates=np.where(mask, 0, self.aggregates),
        )
