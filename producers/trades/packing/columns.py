"""A growing run of one symbol's trades, as the columns of a block. Pure."""

from array import array
from collections.abc import Sequence

import numpy as np

from schemas.market import TradeBlock


class TradeColumns:
    """Trades without a gap in aggregate ids and in trade ids, none of them void.

    Attributes:
        next_agg_id: Id of the aggregate that may be added.
        next_trade_id: Id of its first trade.
        newest_ms: Newest event time; 0 without a trade.
    """

    __slots__ = (
        "event_ms",
        "fills",
        "first_agg_id",
        "first_trade_id",
        "newest_ms",
        "next_agg_id",
        "next_trade_id",
        "price_e8",
        "quantity_e8",
        "symbol",
        "taker_sold",
    )

    def __init__(self, symbol: str, next_agg_id: int, next_trade_id: int) -> None:
        self.symbol = symbol
        self.first_agg_id = self.next_agg_id = next_agg_id
        self.first_trade_id = self.next_trade_id = next_trade_id
        self.newest_ms = 0
        # C arrays: a trade costs 29 bytes, and NumPy takes them over without a copy.
        self.event_ms = array("q")
        self.price_e8 = array("q")
        self.quantity_e8 = array("q")
        self.fills = array("i")
        self.taker_sold = array("B")

    def __len__(self) -> int:
        return len(self.event_ms)

    def extend(
        self,
        *,
        event_ms: Sequence[int],
        price_e8: Sequence[int],
        quantity_e8: Sequence[int],
        fills: Sequence[int],
        taker_sold: Sequence[bool],
    ) -> None:
        """Add at least one trade; their ids are the next ones."""
        self.event_ms.extend(event_ms)
        self.price_e8.extend(price_e8)
        self.quantity_e8.extend(quantity_e8)
        self.fills.extend(fills)
        self.taker_sold.extend(taker_sold)
        self.next_agg_id += len(event_ms)
        self.next_trade_id += sum(fills)
        self.newest_ms = max(self.newest_ms, *event_ms)

    def block(self, *, received_ms: int, watermark_ms: int, era: int) -> TradeBlock:
        """Return the trades as a block; the columns must not grow after that.

        Args:
            received_ms: When our socket read the newest trade.
            watermark_ms: Event time that the stream has passed; a trade may be newer.
            era: Era of the ids.
        """
        return TradeBlock(
            symbol=self.symbol,
            first_agg_id=self.first_agg_id,
            first_trade_id=self.first_trade_id,
            received_ms=received_ms,
            watermark_ms=max(watermark_ms, self.newest_ms),
            event_ms=np.frombuffer(self.event_ms, np.int64),
            price_e8=np.frombuffer(self.price_e8, np.int64),
            quantity_e8=np.frombuffer(self.quantity_e8, np.int64),
            fills=np.frombuffer(self.fills, np.int32),
            taker_sold=np.frombuffer(self.taker_sold, np.uint8),
            era=era,
        )
