"""Conversion of market records to the RowBinary rows of their tables. Pure."""

import numpy as np

from schemas.market import NO_TRADE_ID, Candle, Gap, TradeBlock
from sinks.row_binary import decimal, int32, int64, nullable, string, time, time_or_null


def trade_rows(block: TradeBlock) -> bytes:
    """Convert a block to rows of `trades`, one for each trade."""
    symbol = string(block.symbol)
    fills = block.fills.astype(np.int64)
    rows = np.empty(len(block), _trade_layout(len(symbol)))
    rows["symbol"] = np.void(symbol)
    rows["agg_id"] = np.arange(block.first_agg_id, block.first_agg_id + len(block))
    first_ids = block.first_trade_id + np.cumsum(fills) - fills
    rows["first_trade_id"] = np.where(fills == 0, NO_TRADE_ID, first_ids)
    rows["fills"] = block.fills
    rows["event_time"] = block.event_ms
    rows["received_time"] = block.received_ms
    rows["price"] = block.price_e8
    rows["quantity"] = block.quantity_e8
    rows["taker_sold"] = block.taker_sold != 0
    rows["era"] = block.era
    return rows.tobytes()


def candle_row(candle: Candle) -> bytes:
    """Convert a candle to a row of `candles`, `candles_live` or `klines`."""
    variation = candle.price_variation_e16
    return b"".join(
        (
            string(candle.symbol),
            string(candle.interval),
            time(candle.open_ms),
            time(candle.close_ms),
            decimal(candle.open_e8),
            decimal(candle.high_e8),
            decimal(candle.low_e8),
            decimal(candle.close_e8),
            decimal(candle.volume_e8),
            decimal(candle.quote_volume_e8),
            int64(candle.trade_count),
            decimal(candle.taker_buy_volume_e8),
            decimal(candle.taker_buy_quote_volume_e8),
            int64(candle.first_trade_id),
            int64(candle.last_trade_id),
            nullable(variation, decimal),
            string(candle.status),
            candle.revision.to_bytes(4, "little", signed=True),
            string(candle.source),
            time(candle.event_ms),
        )
    )


def gap_row(gap: Gap) -> bytes:
    """Convert a gap to a row of `gaps`."""
    return b"".join(
        (
            string(gap.symbol),
            int64(gap.first_agg_id),
            int64(gap.last_agg_id),
            time_or_null(gap.after_ms),
            time_or_null(gap.before_ms),
            string(gap.state),
            time(gap.noticed_ms),
            time(gap.changed_ms),
            string(gap.reason),
            int32(gap.era),
        )
    )


def _trade_layout(symbol_bytes: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("symbol", f"V{symbol_bytes}"),
            ("agg_id", "<i8"),
            ("first_trade_id", "<i8"),
            ("fills", "<i4"),
            ("event_time", "<i8"),
            ("received_time", "<i8"),
            ("price", "<i8"),
            ("quantity", "<i8"),
            ("taker_sold", "u1"),
            ("era", "<i4"),
        ]
    )
