"""Real one-minute candles, moved to recent days of the market; data/README.md describes them."""

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from typing import Final

import numpy as np

from candlewick.exchange.market.intervals import DAY_MINUTES
from candlewick.exchange.market.random_by_address import F64, I64

# The recorded days move every four weeks; at least 60 of the 90 days are in the past.
_PLACE_DAYS: Final = 28
_PAST_DAYS: Final = 60
_FILE: Final = "data/recorded_1m.npz"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whole days of real candles of one symbol: a row a minute, prices in ticks.

    Attributes:
        first_day: Day on which the rows begin, counted from 1970-01-01.
        activity: Relative number of trades of each minute, with a mean of one; it grows more
            slowly than the volume.
    """

    first_day: int
    open: I64
    high: I64
    low: I64
    close: I64
    volume_e8: I64
    activity: F64

    @property
    def end_day(self) -> int:
        """The day after the last one, counted from 1970-01-01."""
        return self.first_day + len(self.open) // DAY_MINUTES

    def holds(self, day: int) -> bool:
        """Return whether the rows cover the day."""
        return self.first_day <= day < self.end_day

    def laid_on(self, first_day: int) -> "Recorded":
        """Return the same rows, moved to begin on another day."""
        return replace(self, first_day=first_day)


@cache
def recorded_candles() -> dict[str, Recorded]:
    """Read the recorded candles of every symbol that has them, on their original days.

    The file stores differences: open from the previous close, close from open, high and low from
    the body. Volumes are in a unit of each symbol.
    """
    with as_file(files("candlewick.exchange").joinpath(_FILE)) as path:
        if not path.exists():
            return {}
        with np.load(path) as held:
            columns = {name: held[name].astype(np.int64) for name in held.files}
    symbols = sorted({name.partition("/")[0] for name in columns})
    return {symbol: _rebuilt(columns, symbol) for symbol in symbols}


def _rebuilt(columns: dict[str, I64], symbol: str) -> Recorded:
    gap, body, upper, lower, volume = (
        columns[f"{symbol}/{name}"] for name in ("gap", "body", "upper", "lower", "volume")
    )
    first_day, volume_unit_e8 = (int(value) for value in columns[f"{symbol}/about"])
    close = np.cumsum(gap + body)
    # More volume means both more and larger trades, so their number grows more slowly.
    busy = np.clip(volume / volume.mean(), 0.02, 8.0) ** 0.7
    open_ = close - body
    return Recorded(
        first_day=first_day,
        open=open_,
        high=np.maximum(open_, close) + upper,
        low=np.minimum(open_, close) - lower,
        close=close,
        volume_e8=volume * volume_unit_e8,
        activity=busy / busy.mean(),
    )


def place_for(day: int, original_day: int) -> int:
    """Return the first day of the recorded candles when the market's clock reads `day`.

    The shift is a whole number of weeks, so a Monday stays a Monday, and changes every four weeks.
    """
    return original_day + (day - _PAST_DAYS - original_day) // _PLACE_DAYS * _PLACE_DAYS
