"""Whether a trade that comes again is the same one: told by its trade ids. Pure."""

from array import array
from collections import deque
from typing import Final

import numpy as np
import orjson

from producers.trades.packing.blocks import last_trades
from schemas.errors import PoisonMessage
from schemas.market import Trade, TradeBlock

# What two connections and a page of REST may bring again; 24 kB a symbol.
REMEMBERED: Final = 1_000
# Trades that are compared in full with REST's, to see that it goes on from them.
COMPARED: Final = 8
_NONE: Final = -1


class SameTrades:
    """The trade ids of a symbol's newest aggregates, and the newest trades themselves.

    Attributes:
        newest: The newest trades, by id.
    """

    def __init__(self) -> None:
        self.newest: deque[Trade] = deque(maxlen=COMPARED)
        empty = [_NONE] * REMEMBERED
        self._agg_ids = array("q", empty)
        self._firsts = array("q", empty)
        self._lasts = array("q", empty)

    def remember(self, trade: Trade) -> None:
        """Take note of a trade that goes its way."""
        self.newest.append(trade)
        at = trade.agg_id % REMEMBERED
        self._agg_ids[at] = trade.agg_id
        self._firsts[at] = trade.first_trade_id
        self._lasts[at] = trade.last_trade_id

    def remember_block(self, block: TradeBlock) -> None:
        """Take note of the trades of a block, none of them void."""
        ids = np.arange(block.first_agg_id, block.next_agg_id)[-REMEMBERED:]
        ends = block.first_trade_id + np.cumsum(block.fills, dtype=np.int64)[-REMEMBERED:]
        at = ids % REMEMBERED
        np.frombuffer(self._agg_ids, np.int64)[at] = ids
        np.frombuffer(self._firsts, np.int64)[at] = ends - block.fills[-REMEMBERED:]
        np.frombuffer(self._lasts, np.int64)[at] = ends - 1
        self.newest.extend(last_trades(block, COMPARED))

    def is_other(self, trade: Trade) -> bool:
        """Tell whether an aggregate of this id holds other trades, as far as is remembered."""
        at = trade.agg_id % REMEMBERED
        if self._agg_ids[at] != trade.agg_id:
            return False
        return differ(trade, self._firsts[at], self._lasts[at])


def differ(trade: Trade, first_trade_id: int, last_trade_id: int) -> bool:
    """Tell whether an aggregate does not hold exactly these trades."""
    return (trade.first_trade_id, trade.last_trade_id) != (first_trade_id, last_trade_id)


def are_other(trade: Trade, held: Trade) -> bool:
    """Tell whether two aggregates of one id hold different trades."""
    return differ(trade, held.first_trade_id, held.last_trade_id)


def other_trade(trade: Trade) -> PoisonMessage:
    """Return why a trade is refused whose aggregate id another one had."""
    return PoisonMessage(
        f"aggregate {trade.agg_id} of {trade.symbol} came before with other trades than "
        f"{trade.first_trade_id} to {trade.last_trade_id}: these are in no candle",
        raw=orjson.dumps(trade),
    )
