"""What of one symbol is ready to be published, in its order. Pure."""

from producers.trades.ids.same_trades import SameTrades
from producers.trades.packing.blocks import last_trades
from producers.trades.packing.columns import TradeColumns
from schemas.market import NO_TRADE_ID, Gap, Trade, TradeBlock


class ReadyTrades:
    """Single trades and gap events, and behind them the usual trades as the columns of a block.

    Columns grow only while nothing else is ready. Whoever looks at the single ones finds the trades
    of the columns at their end: then something other than the usual comes next.

    Attributes:
        columns: Usual trades, none of which is missing.
        era: The era of the ids.
    """

    def __init__(self, symbol: str) -> None:
        self.columns = TradeColumns(symbol, 0, 0)
        self.era = 0
        self._symbol = symbol
        self._single: list[Trade | Gap] = []
        self._same = SameTrades()

    def __len__(self) -> int:
        return len(self._single) + len(self.columns)

    @property
    def single(self) -> list[Trade | Gap]:
        """Everything that is ready, as single trades and events."""
        self._unpack()
        return self._single

    @property
    def same(self) -> SameTrades:
        """The newest of the trades that are ready or published."""
        self._unpack()
        return self._same

    def add(self, trade: Trade) -> None:
        """Add the trade that comes next."""
        self.single.append(trade)
        self._same.remember(trade)

    def begin_era(self, event: Gap) -> None:
        """Add the event of an era, and forget the trades before it."""
        self.single.append(event)
        self.era, self._same = event.era, SameTrades()

    def columns_from(self, next_agg_id: int) -> TradeColumns | None:
        """Return the columns if the next trade may be added to them, else None.

        Args:
            next_agg_id: Id of the next trade.
        """
        if self._single:
            return None
        if not self.columns:
            newest = self._same.newest
            if not newest or newest[-1].last_trade_id == NO_TRADE_ID:
                return None
            self.columns = TradeColumns(self._symbol, next_agg_id, newest[-1].last_trade_id + 1)
        return self.columns

    def published_as(self, block: TradeBlock) -> None:
        """Remove the columns, which are published as a block."""
        self._same.remember_block(block)
        self._begin_columns()

    def _unpack(self) -> None:
        if not self.columns:
            return
        block = self.columns.block(received_ms=0, watermark_ms=0, era=self.era)
        self._begin_columns()
        for trade in last_trades(block, len(block)):
            self._single.append(trade)
            self._same.remember(trade)

    def _begin_columns(self) -> None:
        before = self.columns
        self.columns = TradeColumns(self._symbol, before.next_agg_id, before.next_trade_id)
