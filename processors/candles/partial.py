"""Partial candles: the aggregate of a run of trades, and how two of them are merged.

Merging is associative and does not depend on the order of arrival, because each part records its
range of trade ids. A late or repaired trade therefore gives the same candle as a punctual one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from operator import mul
from typing import TYPE_CHECKING, Final

import numpy as np

from processors.candles.exact_sums import segment_dots, segment_sums
from schemas.market import NO_TRADE_ID, TradeBlock
from schemas.quick_records import quick

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW_ROWS: Final = 32  # up to here a loop costs less than the calls of NumPy do, whatever is in them


@quick
@dataclass(frozen=True, slots=True)
class Piece:
    """Aggregate of the trades ``first_trade_id`` to ``last_trade_id`` of one candle, or of none.

    Prices and volumes are in units of 1e-8, quote volumes and the variation in units of 1e-16.

    Attributes:
        variation_e16: Sum of squared differences of consecutive prices; None if the trades were not
            consecutive.
        last_ms: Event time of the last trade.
    """

    open_ms: int
    open_e8: int
    high_e8: int
    low_e8: int
    close_e8: int
    volume_e8: int = 0
    quote_e16: int = 0
    trade_count: int = 0
    taker_buy_e8: int = 0
    taker_buy_quote_e16: int = 0
    first_trade_id: int = NO_TRADE_ID
    last_trade_id: int = NO_TRADE_ID
    variation_e16: int | None = 0
    last_ms: int = 0

    @property
    def is_whole(self) -> bool:
        """Every trade from the first to the last is there, none twice; so it is without trades."""
        ids = self.last_trade_id - self.first_trade_id + 1
        return self.trade_count == (ids if self.trade_count else 0)


def flat_piece(open_ms: int, price_e8: int) -> Piece:
    """Return the piece of a candle without trades, at the last price before it."""
    return Piece(open_ms, price_e8, price_e8, price_e8, price_e8)


def pieces_of(block: TradeBlock, *, step_ms: int) -> list[Piece]:
    """Return a piece for each run of trades of ``block`` that share a candle of ``step_ms``.

    Event times may go back. Void records are left out.
    """
    if len(block) <= FEW_ROWS:
        return list(_pieces_of_few(block, step_ms))
    return pieces_of_many(block, step_ms=step_ms)


def pieces_of_many(block: TradeBlock, *, step_ms: int) -> list[Piece]:
    """Return what `pieces_of` does, by columns."""
    rows = _without_void(block)
    if not len(rows):
        return []
    bucket = rows.event_ms // step_ms
    starts = np.append(0, np.flatnonzero(bucket[1:] != bucket[:-1]) + 1)
    return [Piece(*fields) for fields in zip(*_columns(rows, starts, step_ms), strict=True)]


def _pieces_of_few(block: TradeBlock, step_ms: int) -> Iterator[Piece]:
    columns = block.event_ms, block.price_e8, block.quantity_e8, block.fills, block.taker_sold
    rows = [row for row in zip(*(c.tolist() for c in columns), strict=True) if row[3]]
    trade_id = block.first_trade_id
    for open_ms, run in groupby(rows, lambda row: row[0] // step_ms * step_ms):
        times, prices, quantities, fills, sold = zip(*run, strict=True)
        quotes, count = list(map(mul, prices, quantities)), sum(fills)
        yield Piece(
            open_ms,
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            sum(quantities),
            sum(quotes),
            count,
            sum(q for q, is_sold in zip(quantities, sold, strict=True) if not is_sold),
            sum(q for q, is_sold in zip(quotes, sold, strict=True) if not is_sold),
            trade_id,
            trade_id + count - 1,
            sum((after - before) ** 2 for before, after in pairwise(prices)),
            times[-1],
        )
        trade_id += count


def part_of(block: TradeBlock, start: int, end: int) -> TradeBlock:
    """Return rows ``start`` to ``end`` (exclusive) of a block, with the ids adjusted."""
    if start == 0 and end == len(block):
        return block
    return replace(
        block,
        first_agg_id=block.first_agg_id + start,
        first_trade_id=block.first_trade_id + int(block.fills[:start].sum()),
        event_ms=block.event_ms[start:end],
        price_e8=block.price_e8[start:end],
        quantity_e8=block.quantity_e8[start:end],
        fills=block.fills[start:end],
        taker_sold=block.taker_sold[start:end],
    )


def merge(left: Piece, right: Piece, *, open_ms: int) -> Piece:
    """Merge two pieces of the candle at ``open_ms``; one without trades adds nothing."""
    if not left.trade_count or not right.trade_count:
        return replace(right if right.trade_count else left, open_ms=open_ms)
    first = left if left.first_trade_id < right.first_trade_id else right
    last = left if left.last_trade_id > right.last_trade_id else right
    return Piece(
        open_ms=open_ms,
        open_e8=first.open_e8,
        high_e8=max(left.high_e8, right.high_e8),
        low_e8=min(left.low_e8, right.low_e8),
        close_e8=last.close_e8,
        volume_e8=left.volume_e8 + right.volume_e8,
        quote_e16=left.quote_e16 + right.quote_e16,
        trade_count=left.trade_count + right.trade_count,
        taker_buy_e8=left.taker_buy_e8 + right.taker_buy_e8,
        taker_buy_quote_e16=left.taker_buy_quote_e16 + right.taker_buy_quote_e16,
        first_trade_id=first.first_trade_id,
        last_trade_id=last.last_trade_id,
        variation_e16=_joint_variation(first, last),
        last_ms=last.last_ms,
    )


def _joint_variation(first: Piece, last: Piece) -> int | None:
    if first.variation_e16 is None or last.variation_e16 is None:
        return None
    if first is last or first.last_trade_id + 1 != last.first_trade_id:
        return None  # one lies inside the other, or ids are missing between them
    return first.variation_e16 + last.variation_e16 + (last.open_e8 - first.close_e8) ** 2


def _without_void(block: TradeBlock) -> TradeBlock:
    if block.fills.all():
        return block
    real = block.fills > 0
    return replace(
        block,
        event_ms=block.event_ms[real],
        price_e8=block.price_e8[real],
        quantity_e8=block.quantity_e8[real],
        fills=block.fills[real],
        taker_sold=block.taker_sold[real],
    )


def _columns(rows: TradeBlock, starts: "NDArray[np.intp]", step_ms: int) -> list[list[int]]:
    """Return the fields of the pieces that begin at ``starts``, in the order of `Piece`."""
    price, quantity = rows.price_e8, rows.quantity_e8
    lasts = np.append(starts[1:], len(price)) - 1
    bought = quantity * (rows.taker_sold == 0)
    steps = np.zeros_like(price)
    np.subtract(price[1:], price[:-1], out=steps[1:])
    steps[starts] = 0  # the step into a candle is not a variation inside it
    counts = np.add.reduceat(rows.fills, starts, dtype=np.int64)
    last_ids = rows.first_trade_id - 1 + np.cumsum(counts)
    return [
        (rows.event_ms[starts] // step_ms * step_ms).tolist(),
        price[starts].tolist(),
        np.maximum.reduceat(price, starts).tolist(),
        np.minimum.reduceat(price, starts).tolist(),
        price[lasts].tolist(),
        segment_sums(quantity, starts),
        segment_dots(price, quantity, starts),
        counts.tolist(),
        segment_sums(bought, starts),
        segment_dots(price, bought, starts),
        (last_ids - counts + 1).tolist(),
        last_ids.tolist(),
        segment_dots(steps, steps, starts),
        rows.event_ms[lasts].tolist(),
    ]
