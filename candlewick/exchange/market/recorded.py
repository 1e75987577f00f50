"""Real one-minute candles laid over the market's calendar. What they are: data/README.md."""

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from typing import Final

import numpy as np

from candlewick.exchange.market.intervals import DAY_MINUTES
from candlewick.exchange.market.random_by_address import F64, I64

# A new place for the recorded days every four weeks; at least 60 of the 90 days are past.
_PLACE_DAYS: Final = 28
_PAST_DAYS: Final = 60
_FILE: Final = "data/recorded_1m.npz"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whole days of real candles of one symbol; prices in ticks, a row a minute.

    Attributes:
        first_day: Days since 1970-01-01 on which the rows begin.
        activity: How many trades a minute has of its kind, about a mean of one; it grows with
            the volume, but more slowly.
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
        """Return the day after the last one."""
        return self.first_day + len(self.open) // DAY_MINUTES

    def holds(self, day: int) -> bool:
        """Tell whether the rows cover the day."""
        return self.first_day <= day < self.end_day

    def laid_on(self, first_day: int) -> "Recorded":
        """Return the same rows, beginning on another day."""
        return replace(self, first_day=first_day)


@cache
def recorded_candles() -> dict[str, Recorded]:
    """Read the recorded candles of every symbol that has them, on their own days.

    A candle is stored as differences: open from the last close, close from open, high and low
    from the body; volume in a unit of its own.
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
    # Of more volume there are more trades, and larger ones: neither grows as the volume does.
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
    """Return the first day on which recorded days are laid when the market's clock reads `day`.

    The shift is whole weeks, so a Monday stays a Monday, and the same for four weeks on end.
    """
    return original_day + (day - _PAST_DAYS - original_day) // _PLACE_DAYS * _PLACE_DAYS
