"""Cutting of trades into blocks. Pure: the caller decides when to cut, this module where."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from schemas.market import NO_TRADE_ID, Gap, Trade, TradeBlock, block_of


def leading_run(items: Sequence[Trade | Gap], *, limit: int) -> list[Trade]:
    """Return the first trades that may share a block, at most ``limit``.

    A block ends before a gap event and before a jump in aggregate ids or in trade ids; a void
    record has no trade ids and ends nothing.
    """
    run: list[Trade] = []
    agg_id = trade_id = NO_TRADE_ID
    for item in islice(items, limit):
        if isinstance(item, Gap) or (run and item.agg_id != agg_id):
            break
        if item.first_trade_id != NO_TRADE_ID:
            if item.first_trade_id != trade_id != NO_TRADE_ID:
                break
            trade_id = item.last_trade_id + 1
        agg_id = item.agg_id + 1
        run.append(item)
    return run


def cut_block(
    run: list[Trade], *, next_trade_id: int, received_ms: int, watermark_ms: int
) -> TradeBlock:
    """Pack a run of consecutive trades into a block.

    Args:
        run: Trades from `leading_run`, at least one.
        next_trade_id: Id of the fill after the previous block; used if all trades are void.
        received_ms: When our socket read the newest trade.
        watermark_ms: Event time that the stream has passed; a trade of the run may be newer.
    """
    newest_ms = max(trade.event_ms for trade in run)
    block = block_of(run, received_ms=received_ms, watermark_ms=max(watermark_ms, newest_ms))
    if block.first_trade_id == NO_TRADE_ID:
        return replace(block, first_trade_id=next_trade_id)
    return block
