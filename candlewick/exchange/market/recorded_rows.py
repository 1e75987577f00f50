"""Conversion of recorded trades from rows to columns."""

import itertools
from dataclasses import dataclass

import numpy as np

from candlewick.exchange.market.coins import E8
from candlewick.exchange.market.columns import Trades
from candlewick.exchange.market.replayed import ReplayedSymbol


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded aggregate trade."""

    agg_id: int
    price_e8: int
    quantity_e8: int
    first_id: int
    last_id: int
    time_ms: int
    buyer_maker: bool


def market_of(found: dict[str, dict[int, Row]]) -> dict[str, ReplayedSymbol]:
    """Build a market from rows by symbol and id.

    Raises:
        ValueError: There are no rows, or trades are missing between two of them.
    """
    if not found:
        raise ValueError("no trades in the recording: give a capture or aggTrades files")
    return {name: ReplayedSymbol(_columns(name, rows)) for name, rows in sorted(found.items())}


def _columns(symbol: str, found: dict[int, Row]) -> Trades:
    rows = [found[agg_id] for agg_id in sorted(found)]
    for row, after in itertools.pairwise(rows):
        if after.agg_id != row.agg_id + 1 or after.first_id != row.last_id + 1:
            raise ValueError(
                f"the recording of {symbol} has a gap after id {row.agg_id}: "
                "the exchange can only serve trades without gaps"
            )
    columns = {
        name: np.array([getattr(row, name) for row in rows], np.int64)
        for name in ("time_ms", "price_e8", "quantity_e8", "first_id")
    }
    return Trades(
        first_agg_id=rows[0].agg_id,
        time_ms=np.maximum.accumulate(columns["time_ms"]),
        price_e8=columns["price_e8"],
        quantity_e8=columns["quantity_e8"],
        trade_id_edges=np.append(columns["first_id"], rows[-1].last_id + 1),
        buyer_maker=np.array([row.buyer_maker for row in rows], np.bool_),
    )


def e8(text: str) -> int:
    """Parse a plain decimal into an integer in units of 1e-8."""
    whole, _, part = text.partition(".")
    return int(whole) * E8 + int(part.ljust(8, "0")[:8] or "0")
