"""Records to the rows of ClickHouse's tables, as RowBinary. Pure: bytes in, bytes out.

Source: ClickHouse documentation, "RowBinary": integers little-endian, a decimal as its integer of 8
or 16 bytes, DateTime64(3) as int64 milliseconds, a string after its length (LEB128), a nullable
value after one byte that is 1 for null.
"""

import numpy as np

from schemas.market import NO_TRADE_ID, Candle, Gap, TradeBlock

END_OF_TIME_MS = 4_102_444_800_000  # 2100-01-01: ClickHouse's 32-bit dates end soon after
LARGEST_ID = 2**62
_UNKNOWN_MS = -1
_NULL = b"\x01"
_VALUE = b"\x00"


def trade_rows(block: TradeBlock) -> bytes:
    """Return the rows of a block of trades.

    Raises:
        ValueError: A time or an id is out of the table's range.
    """
    symbol = _string(block.symbol)
    fills = block.fills.astype(np.int64)
    _check_ids(block.first_agg_id + len(block), block.first_trade_id + int(fills.sum()))
    for edge_ms in (block.event_ms.min(initial=0), block.event_ms.max(initial=0)):
        _time(int(edge_ms))
    _time(block.received_ms)
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
    return rows.tobytes()


def candle_row(candle: Candle) -> bytes:
    """Return the row of a candle.

    Raises:
        ValueError: A time is out of the table's range.
        OverflowError: A number is.
    """
    variation = candle.price_variation_e16
    return b"".join(
        (
            _string(candle.symbol),
            _string(candle.interval),
            _time(candle.open_ms),
            _time(candle.close_ms),
            _decimal(candle.open_e8),
            _decimal(candle.high_e8),
            _decimal(candle.low_e8),
            _decimal(candle.close_e8),
            _decimal(candle.volume_e8),
            _decimal(candle.quote_volume_e8),
            _int64(candle.trade_count),
            _decimal(candle.taker_buy_volume_e8),
            _decimal(candle.taker_buy_quote_volume_e8),
            _int64(candle.first_trade_id),
            _int64(candle.last_trade_id),
            _NULL if variation is None else _VALUE + _decimal(variation),
            _string(candle.status),
            candle.revision.to_bytes(4, "little", signed=True),
            _string(candle.source),
            _time(candle.event_ms),
        )
    )


def gap_row(gap: Gap) -> bytes:
    """Return the row of a gap.

    Raises:
        ValueError: A time is out of the table's range.
        OverflowError: A number is.
    """
    return b"".join(
        (
            _string(gap.symbol),
            _int64(gap.first_agg_id),
            _int64(gap.last_agg_id),
            _time_or_null(gap.after_ms),
            _time_or_null(gap.before_ms),
            _string(gap.state),
            _time(gap.noticed_ms),
            _time(gap.changed_ms),
            _string(gap.reason),
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
        ]
    )


def _check_ids(*ids: int) -> None:
    for number in ids:
        if not NO_TRADE_ID <= number < LARGEST_ID:
            raise ValueError(f"id {number} is out of range")


def _string(text: str) -> bytes:
    data = text.encode()
    length, prefix = len(data), bytearray()
    while length > 0x7F:  # noqa: PLR2004 - seven bits a byte
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + data


def _int64(number: int) -> bytes:
    return number.to_bytes(8, "little", signed=True)


def _decimal(number: int) -> bytes:
    return number.to_bytes(16, "little", signed=True)


def _time(time_ms: int) -> bytes:
    if not 0 <= time_ms < END_OF_TIME_MS:
        raise ValueError(f"time {time_ms} ms is not between 1970 and 2100")
    return _int64(time_ms)


def _time_or_null(time_ms: int) -> bytes:
    return _NULL if time_ms == _UNKNOWN_MS else _VALUE + _time(time_ms)
