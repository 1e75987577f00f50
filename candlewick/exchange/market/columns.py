"""Trades and minute candles as columns. Prices and quantities are integers in units of 1e-8."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from candlewick.exchange.market.random_by_address import I64

_ARRAY_BYTES: Final = 112  # of an array beside its numbers


@dataclass(frozen=True, slots=True)
class Trades:
    """A gap-free run of one symbol's aggregate trades, oldest first, n rows.

    Attributes:
        first_agg_id: Id of the first row; the others follow without a gap.
        time_ms: Trade times, never decreasing.
        trade_id_edges: n + 1 trade ids; row i has the ids from edge i up to edge i + 1.
        buyer_maker: True if the taker sold.
    """

    first_agg_id: int
    time_ms: I64
    price_e8: I64
    quantity_e8: I64
    trade_id_edges: I64
    buyer_maker: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def nbytes(self) -> int:
        """Number of bytes in memory."""
        columns = (self.time_ms, self.price_e8, self.quantity_e8, self.trade_id_edges)
        return sum(column.nbytes for column in columns) + self.buyer_maker.nbytes

    def span(self, start: int, stop: int) -> "Trades":
        """Return the rows from `start` up to `stop`."""
        start, stop = max(start, 0), max(min(stop, len(self)), start, 0)
        return Trades(
            first_agg_id=self.first_agg_id + start,
            time_ms=self.time_ms[start:stop],
            price_e8=self.price_e8[start:stop],
            quantity_e8=self.quantity_e8[start:stop],
            trade_id_edges=self.trade_id_edges[start : stop + 1],
            buyer_maker=self.buyer_maker[start:stop],
        )

    def until(self, last_ms: int) -> "Trades":
        """Return the rows that happened at or before `last_ms`."""
        return self.span(0, int(np.searchsorted(self.time_ms, last_ms, side="right")))


@dataclass(frozen=True, slots=True)
class Candles:
    """Candles of one symbol as columns, oldest first; volumes are in units of 1e-8 too.

    Attributes:
        first_trade_id: First trade id of each candle; without trades, the next id to come.
        trades: Number of trades in each candle.
    """

    open_ms: I64
    open_e8: I64
    high_e8: I64
    low_e8: I64
    close_e8: I64
    volume_e8: I64
    quote_e8: I64
    trades: I64
    taker_e8: I64
    taker_quote_e8: I64
    first_trade_id: I64

    def __len__(self) -> int:
        return len(self.open_ms)

    def span(self, start: int, stop: int) -> "Candles":
        """Return the rows from `start` up to `stop`."""
        return Candles(*(getattr(self, field.name)[start:stop] for field in fields(self)))

    @property
    def nbytes(self) -> int:
        """Number of bytes in memory."""
        return sum(getattr(self, field.name).nbytes + _ARRAY_BYTES for field in fields(self))

    def outside(self, periods: Sequence[tuple[int, int]], end_ms: I64) -> "Candles":
        """Return the rows that do not lie in any of the periods as a whole; each has its end."""
        kept = np.ones(len(self), np.bool_)
        for start_ms, stop_ms in periods:
            kept &= (self.open_ms < start_ms) | (end_ms > stop_ms)
        return Candles(*(getattr(self, field.name)[kept] for field in fields(self)))


def joined(parts: Sequence[Candles]) -> Candles:
    """Concatenate the rows of all parts, in the order given."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(Candles)]
    empty = np.empty(0, np.int64)
    return Candles(*(np.concatenate([empty, *(getattr(p, n) for p in parts)]) for n in names))
