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


def last_trades(block: TradeBlock, count: int) -> list[Trade]:
    """Return the last trades of a block as the exchange sent them."""
    start = max(0, len(block) - count)
    fills = block.fills[start:].tolist()
    trade_id = block.first_trade_id + int(block.fills[:start].sum())
    columns = (block.event_ms, block.price_e8, block.quantity_e8, block.taker_sold)
    rows = zip(*(column[start:].tolist() for column in columns), fills, strict=True)
    found = []
    for agg_id, row in enumerate(rows, block.first_agg_id + start):
        event_ms, price_e8, quantity_e8, taker_sold, count_of = row
        ids = (trade_id, trade_id + count_of - 1) if count_of else (NO_TRADE_ID, NO_TRADE_ID)
        trade_id += count_of
        found.append(
            Trade(
                symbol=block.symbol,
                agg_id=agg_id,
                price_e8=price_e8,
                quantity_e8=quantity_e8,
                first_trade_id=ids[0],
                last_trade_id=ids[1],
                event_ms=event_ms,
                taker_sold=bool(taker_sold),
            )
        )
    return found


def cut_block(
    run: list[Trade], *, next_trade_id: int, received_ms: int, watermark_ms: int, era: int = 0
) -> TradeBlock:
    """Pack a run of consecutive trades into a block.

    Args:
        run: Trades from `leading_run`, at least one.
        next_trade_id: Id of the fill after the previous block; used if all trades are void.
        received_ms: When our socket read the newest trade.
        watermark_ms: Event time that the stream has passed; a trade of the run may be newer.
        era: Era of the ids.
    """
    newest_ms = max(trade.event_ms for trade in run)
    passed_ms = max(watermark_ms, newest_ms)
    block = block_of(run, received_ms=received_ms, watermark_ms=passed_ms, era=era)
    if block.first_trade_id == NO_TRADE_ID:
        return replace(block, first_trade_id=next_trade_id)
    return block
