"""Checks of trades, blocks, candles and gaps. Pure; every check raises ValueError."""

from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.market import (
    NO_TRADE_ID,
    Candle,
    CandleSource,
    CandleStatus,
    Gap,
    GapState,
    Trade,
    TradeBlock,
)
from schemas.rules.checks import (
    EARLIEST_MS,
    LARGEST_AMOUNT_E8,
    LARGEST_ID,
    LARGEST_PRICE_E8,
    LATEST_MS,
    check_one_of,
    check_range,
    check_symbol,
    check_text,
    check_time,
    check_time_or_unknown,
    short,
)
from schemas.timeframe import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How far the exchange's times in a record may be ahead of the time at which it was received. Clocks
# differ and frames are stamped on other machines; a few seconds are usual, hours are a fault.
AHEAD_MS: Final = 10_000
LARGEST_BLOCK: Final = 100_000
LARGEST_ERA: Final = 2**31 - 1
NO_WATERMARK_MS: Final = 0  # older trades are still to come: the block proves nothing
LARGEST_FILLS: Final = 2**31 - 1
_INTERVALS: Final = {interval.value: (interval.ms, interval.origin_ms) for interval in Interval}
_SUMS: Final = (
    "volume_e8",
    "quote_volume_e8",
    "taker_buy_volume_e8",
    "taker_buy_quote_volume_e8",
)


def check_trade(trade: Trade) -> None:
    """Refuse a trade without a price or an amount, or with invalid ids."""
    check_symbol(trade.symbol)
    check_range("aggregate id", trade.agg_id, 0, LARGEST_ID)
    check_time("trade time", trade.event_ms)
    if trade.first_trade_id == trade.last_trade_id == NO_TRADE_ID:
        if trade.price_e8 or trade.quantity_e8:
            raise ValueError(f"trade {trade.agg_id} has a price or an amount and no trade id")
        return
    check_range("first trade id", trade.first_trade_id, 0, LARGEST_ID)
    last = trade.first_trade_id + LARGEST_FILLS - 1
    check_range("last trade id", trade.last_trade_id, trade.first_trade_id, last)
    check_range("price in 1e-8", trade.price_e8, 1, LARGEST_PRICE_E8)
    check_range("quantity in 1e-8", trade.quantity_e8, 1, LARGEST_PRICE_E8)


def check_block(block: TradeBlock) -> None:
    """Refuse a block with an invalid trade, or with times in the future.

    The checks run on columns, not on rows: a block of 500 trades takes about 10 microseconds.
    """
    check_symbol(block.symbol)
    rows = len(block.event_ms)
    lengths = {len(column) for column in (block.price_e8, block.quantity_e8, block.fills)}
    if lengths != {rows} or len(block.taker_sold) != rows:
        raise ValueError("columns of unequal length")
    check_range("rows", rows, 0, LARGEST_BLOCK)
    check_range("aggregate id", block.first_agg_id, 0, LARGEST_ID)
    check_range("first trade id", block.first_trade_id, NO_TRADE_ID, LARGEST_ID)
    check_range("era", block.era, 0, LARGEST_ERA)
    check_time("received", block.received_ms)
    if block.watermark_ms != NO_WATERMARK_MS:
        check_time("watermark", block.watermark_ms)
        _check_not_ahead("watermark", block.watermark_ms, block.received_ms)
    if rows:
        _check_rows(block)


def _check_rows(block: TradeBlock) -> None:
    # `reduce` takes half the time of the array's own `min` and `max`, which pass through Python.
    newest_ms = int(np.maximum.reduce(block.event_ms))
    check_range("trade time", int(np.minimum.reduce(block.event_ms)), EARLIEST_MS, LATEST_MS - 1)
    _check_not_ahead("trade time", newest_ms, block.received_ms)
    if block.taker_sold.tobytes().strip(b"\0\1"):
        raise ValueError("taker_sold has values other than 0 and 1")
    smallest = (
        np.minimum.reduce(block.price_e8),
        np.minimum.reduce(block.quantity_e8),
        np.minimum.reduce(block.fills),
    )
    if min(smallest) <= 0:
        _check_void_rows(block)


def _check_void_rows(block: TradeBlock) -> None:
    """Refuse rows that are neither trades nor the exchange's void records (zeros only)."""
    amounts = np.stack([block.price_e8, block.quantity_e8, block.fills])
    void: NDArray[np.bool_] = (amounts == 0).all(axis=0)
    bad = ~void & (amounts <= 0).any(axis=0)
    if bad.any():
        row = int(bad.argmax())
        price, quantity, fills = map(int, amounts[:, row])
        raise ValueError(
            f"aggregate {block.first_agg_id + row} has price {price}, quantity {quantity} (in "
            f"1e-8) and {fills} trades"
        )


def _check_not_ahead(name: str, time_ms: int, received_ms: int) -> None:
    if time_ms > received_ms + AHEAD_MS:
        raise ValueError(
            f"{name} {time_ms} ms is {(time_ms - received_ms) / 1000:.0f} s after the record was "
            f"received, {AHEAD_MS // 1000} s are allowed"
        )


def check_candle(candle: Candle) -> None:
    """Refuse a candle off its grid, with prices out of order, or with a count against its ids."""
    check_symbol(candle.symbol)
    check_candle_span(candle.interval, candle.open_ms, candle.close_ms)
    check_time("event time", candle.event_ms)
    check_figures(candle)
    if candle.price_variation_e16 is not None and candle.price_variation_e16 < 0:
        raise ValueError(f"price variation {candle.price_variation_e16} is negative")
    check_one_of("status", candle.status, CandleStatus)
    check_one_of("source", candle.source, CandleSource)
    check_range("revision", candle.revision, 0, LARGEST_FILLS)
    is_open = candle.status == CandleStatus.OPEN
    if is_open and not candle.open_ms <= candle.event_ms < candle.close_ms:
        raise ValueError(f"event time {candle.event_ms} ms is not inside the open candle")


def check_figures(candle: Candle) -> None:
    """Refuse a candle whose prices, sums and counts cannot be, whatever its symbol and time."""
    _check_prices(candle)
    for name in _SUMS:
        check_range(name, getattr(candle, name), 0, LARGEST_AMOUNT_E8)
    _check_counts(candle)


def check_candle_span(interval: str, open_ms: int, close_ms: int) -> int:
    """Return the length of a candle in milliseconds; refuse one off the grid of its interval."""
    length_ms, origin_ms = _INTERVALS.get(interval, (0, 0))
    if not length_ms:
        raise ValueError(f"interval {short(interval)} is none of {', '.join(Interval)}")
    check_time("open", open_ms)
    if (open_ms - origin_ms) % length_ms or close_ms != open_ms + length_ms:
        raise ValueError(f"{open_ms} to {close_ms} ms is not a candle of {interval}")
    return length_ms


def _check_prices(candle: Candle) -> None:
    low, high = candle.low_e8, candle.high_e8
    check_range("high in 1e-8", high, 1, LARGEST_PRICE_E8)
    for name, price_e8 in (("low", low), ("open", candle.open_e8), ("close", candle.close_e8)):
        check_range(f"{name} in 1e-8", price_e8, 1 if name == "low" else low, high)


def _check_counts(candle: Candle) -> None:
    first, last = candle.first_trade_id, candle.last_trade_id
    check_range("trade count", candle.trade_count, 0, LARGEST_ID)
    if first == last == NO_TRADE_ID:  # nothing was traded, or the source has no ids
        return
    check_range("first trade id", first, 0, LARGEST_ID)
    check_range("last trade id", last, first, LARGEST_ID)
    ids = last - first + 1
    least = ids if candle.status == CandleStatus.COMPLETE else 1  # each of the ids is there once
    check_range("trade count", candle.trade_count, least, ids)


def check_gap(gap: Gap) -> None:
    """Refuse a gap without ids or times."""
    check_symbol(gap.symbol)
    check_range("first missing id", gap.first_agg_id, 0, LARGEST_ID)
    check_range("last missing id", gap.last_agg_id, gap.first_agg_id, LARGEST_ID)
    check_time_or_unknown("time before the gap", gap.after_ms)
    check_time_or_unknown("time after the gap", gap.before_ms)
    check_one_of("state", gap.state, GapState)
    check_range("era", gap.era, 1 if gap.state == GapState.NEW_ERA else 0, LARGEST_ERA)
    check_time("noticed", gap.noticed_ms)
    check_time("changed", gap.changed_ms)
    check_text("reason", gap.reason)
