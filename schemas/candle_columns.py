"""Columns of official candles, encoded to Kafka messages without a loop over rows.

The bytes equal those of `schemas.codecs.encode`; a property test compares them.
Source: Apache Avro 1.11 specification, "Binary encoding"; Confluent, "Wire format".
"""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.contracts import contract_of
from schemas.market import FIRST_REVISION, NO_TRADE_ID, Candle, CandleStatus
from schemas.ragged import Part, rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VARINT_BYTES = 10
_SEVEN_BITS = np.arange(_VARINT_BYTES, dtype=np.uint64) * np.uint64(7)


@dataclass(frozen=True, slots=True, eq=False)
class CandleColumns:
    """Official candles of one symbol, interval and source, n rows, oldest first.

    Attributes:
        interval_ms: Length of each candle, in milliseconds.
        open_ms: int64[n].
        open_e8: int64[n], like the other prices; none is negative.
        volume_e8: uint8[n, 16], one little-endian integer a row, like the other volumes.
        trade_count: int64[n].
        event_ms: int64[n].
    """

    symbol: str
    interval: str
    interval_ms: int
    source: str
    open_ms: "NDArray[np.int64]"
    open_e8: "NDArray[np.int64]"
    high_e8: "NDArray[np.int64]"
    low_e8: "NDArray[np.int64]"
    close_e8: "NDArray[np.int64]"
    volume_e8: "NDArray[np.uint8]"
    quote_volume_e8: "NDArray[np.uint8]"
    trade_count: "NDArray[np.int64]"
    taker_buy_volume_e8: "NDArray[np.uint8]"
    taker_buy_quote_volume_e8: "NDArray[np.uint8]"
    event_ms: "NDArray[np.int64]"
    revision: int = FIRST_REVISION

    def __len__(self) -> int:
        return len(self.open_ms)

    def select(self, rows: "NDArray[np.bool_]") -> "CandleColumns":
        """Return the rows where ``rows`` is true."""
        chosen: dict[str, Any] = {
            field.name: column[rows]
            for field in fields(self)
            if isinstance(column := getattr(self, field.name), np.ndarray)
        }
        return replace(self, **chosen)

    def candles(self) -> list[Candle]:
        """Return each row as a `Candle`."""
        return [self._candle(row) for row in range(len(self))]

    def _candle(self, row: int) -> Candle:
        volumes = (
            int.from_bytes(column[row].tobytes(), "little")
            for column in (
                self.volume_e8,
                self.quote_volume_e8,
                self.taker_buy_volume_e8,
                self.taker_buy_quote_volume_e8,
            )
        )
        volume, quote, taker, taker_quote = volumes
        return Candle(
            symbol=self.symbol,
            interval=self.interval,
            open_ms=int(self.open_ms[row]),
            close_ms=int(self.open_ms[row]) + self.interval_ms,
            open_e8=int(self.open_e8[row]),
            high_e8=int(self.high_e8[row]),
            low_e8=int(self.low_e8[row]),
            close_e8=int(self.close_e8[row]),
            volume_e8=volume,
            quote_volume_e8=quote,
            trade_count=int(self.trade_count[row]),
            taker_buy_volume_e8=taker,
            taker_buy_quote_volume_e8=taker_quote,
            first_trade_id=NO_TRADE_ID,
            last_trade_id=NO_TRADE_ID,
            price_variation_e16=None,
            status=CandleStatus.OFFICIAL.value,
            revision=self.revision,
            source=self.source,
            event_ms=int(self.event_ms[row]),
        )


def encode_candles(columns: CandleColumns) -> list[bytes]:
    """Encode each row as the value of a Kafka message."""
    if not len(columns):
        return []
    frame = b"\x00" + contract_of(Candle).schema_id.to_bytes(4)
    prices = (columns.open_e8, columns.high_e8, columns.low_e8, columns.close_e8)
    no_ids_no_variation = b"\x01\x01\x00"  # -1, -1, null
    parts = [
        Part.constant(frame + _text(columns.symbol) + _text(columns.interval)),
        _longs(columns.open_ms),
        _longs(columns.open_ms + columns.interval_ms),
        *(_decimals(price.astype(">i8").view(np.uint8).reshape(-1, 8)) for price in prices),
        _decimals(columns.volume_e8[:, ::-1]),
        _decimals(columns.quote_volume_e8[:, ::-1]),
        _longs(columns.trade_count),
        _decimals(columns.taker_buy_volume_e8[:, ::-1]),
        _decimals(columns.taker_buy_quote_volume_e8[:, ::-1]),
        Part.constant(no_ids_no_variation + _text(CandleStatus.OFFICIAL.value)),
        _longs(np.array([columns.revision])),
        Part.constant(_text(columns.source)),
        _longs(columns.event_ms),
    ]
    return rows_of(parts, len(columns))


def _longs(values: "NDArray[np.int64]") -> Part:
    zigzag = ((values << 1) ^ (values >> 63)).astype(np.uint64)
    left = zigzag[:, None] >> _SEVEN_BITS
    counts = left != 0
    counts[:, 0] = True
    data = (left & np.uint64(0x7F)).astype(np.uint8)
    data[:, :-1] |= counts[:, 1:].astype(np.uint8) << 7
    return Part(data, counts)


def _decimals(big_endian: "NDArray[np.uint8]") -> Part:
    rows, width = big_endian.shape
    digits = big_endian != 0
    first = np.where(digits.any(axis=1), digits.argmax(axis=1), width - 1)
    # A first byte of 128 or more would be read as a sign, so a zero byte goes before it.
    length = width - first + (big_endian[np.arange(rows), first] > 0x7F)  # noqa: PLR2004
    data = np.zeros((rows, width + 2), np.uint8)
    data[:, 0] = 2 * length
    data[:, 2:] = big_endian
    counts = np.arange(width + 2) >= (width + 2 - length)[:, None]
    counts[:, 0] = True
    return Part(data, counts)


def _text(text: str) -> bytes:
    data = text.encode()
    return bytes([2 * len(data)]) + data
