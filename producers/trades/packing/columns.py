"""A growing run of one symbol's trades, as the columns of a block. Pure."""

from array import array

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

    def add(
        self,
        event_ms: int,
        price_e8: int,
        quantity_e8: int,
        last_trade_id: int,
        taker_sold: bool,  # noqa: FBT001 - likewise
    ) -> None:
        """Add the trade whose ids are the next ones; it ends with a trade id."""
        self.event_ms.append(event_ms)
        self.price_e8.append(price_e8)
        self.quantity_e8.append(quantity_e8)
        self.fills.append(last_trade_id - self.next_trade_id + 1)
        self.taker_sold.append(taker_sold)
        self.next_agg_id += 1
        self.next_trade_id = last_trade_id + 1
        if event_ms > self.newest_ms:  # noqa: PLR1730 - half the time of max()
            self.newest_ms = event_ms

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
