"""Parser of official kline CSV to columns of candles, in one pass and in parts of bounded size.

Source: binance-public-data, README: twelve columns, no header in spot files (some mirrors add
one), times in milliseconds and from 2025-01-01 in microseconds; a file has one of the two.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv

from producers.binance.arrow_columns import decimal_of, int64_of, price_of
from producers.binance.csv_start import skip_start
from producers.binance.numbers import FIRST_MICROSECOND
from schemas.candle_columns import CandleColumns
from schemas.errors import PoisonMessage
from schemas.timeframe import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

PART_BYTES: Final = 1 << 18
_AMOUNT: Final = pa.decimal128(38, 8)
_COLUMNS: Final = {
    "open_time": pa.int64(),
    "open": _AMOUNT,
    "high": _AMOUNT,
    "low": _AMOUNT,
    "close": _AMOUNT,
    "volume": _AMOUNT,
    "close_time": pa.int64(),
    "quote_volume": _AMOUNT,
    "count": pa.int64(),
    "taker_buy_volume": _AMOUNT,
    "taker_buy_quote_volume": _AMOUNT,
    "ignore": pa.string(),
}
_PLAIN: Final = b"0123456789.,-\r\n"
_READ: Final = [name for name in _COLUMNS if name != "ignore"]


@dataclass(frozen=True, slots=True)
class KlineFile:
    """The expected content of a file: closed candles that open in ``[open_ms, close_ms)``."""

    symbol: str
    interval: Interval
    source: str
    open_ms: int
    close_ms: int


def read_klines(stream: io.BufferedReader, file: KlineFile) -> Iterator[CandleColumns]:
    """Yield the candles of a CSV file, in parts.

    Raises:
        PoisonMessage: A row cannot be read, is out of order or outside the file's time, or its
            prices contradict each other.
    """
    before_ms, is_micro = -1, None
    try:
        with _opened(stream) as reader:
            for batch in reader:
                is_micro = _unit(batch, is_micro)
                columns = _columns(batch, file)
                _check_times(columns, file, before_ms)
                before_ms = int(columns.open_ms[-1])
                yield columns
    except pa.ArrowException as error:
        raise PoisonMessage(f"CSV unreadable: {error}", raw=b"") from error


def _opened(stream: io.BufferedReader) -> Any:  # noqa: ANN401 - pyarrow has no types
    skip_start(stream)
    return csv.open_csv(
        _Digits(stream),
        csv.ReadOptions(
            use_threads=False,
            block_size=PART_BYTES,
            column_names=list(_COLUMNS),
        ),
        csv.ParseOptions(quote_char=False),
        csv.ConvertOptions(
            column_types=_COLUMNS,
            include_columns=_READ,
            null_values=[],
            check_utf8=False,
        ),
    )


class _Digits(io.RawIOBase):
    """A file that may contain only plain numbers; pyarrow would read ``1e2`` as 100."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        if other := data.translate(None, _PLAIN):
            raise PoisonMessage(f"CSV unreadable: {other[:20]!r} among the numbers", raw=b"")
        return data


def _unit(batch: Any, before: bool | None) -> bool:  # noqa: ANN401, FBT001 - pyarrow has no types
    columns = (int64_of(batch.column(_READ.index(name))) for name in ("open_time", "close_time"))
    micro = np.concatenate(list(columns)) >= FIRST_MICROSECOND
    first = bool(micro[0]) if before is None else before
    if (micro != first).any():
        raise PoisonMessage("times in milliseconds and in microseconds in one file", raw=b"")
    return first


def _columns(batch: Any, file: KlineFile) -> CandleColumns:  # noqa: ANN401 - pyarrow has no types
    cells = {name: batch.column(at) for at, name in enumerate(_READ)}
    opens = _milliseconds(int64_of(cells["open_time"]))
    closes = _milliseconds(int64_of(cells["close_time"]))
    columns = CandleColumns(
        symbol=file.symbol,
        interval=file.interval.value,
        interval_ms=file.interval.ms,
        source=file.source,
        open_ms=opens,
        open_e8=_price(cells["open"]),
        high_e8=_price(cells["high"]),
        low_e8=_price(cells["low"]),
        close_e8=_price(cells["close"]),
        volume_e8=decimal_of(cells["volume"]),
        quote_volume_e8=decimal_of(cells["quote_volume"]),
        trade_count=int64_of(cells["count"]),
        taker_buy_volume_e8=decimal_of(cells["taker_buy_volume"]),
        taker_buy_quote_volume_e8=decimal_of(cells["taker_buy_quote_volume"]),
        event_ms=closes,
    )
    _check_values(columns)
    return columns


def _check_times(columns: CandleColumns, file: KlineFile, before_ms: int) -> None:
    opens = columns.open_ms
    _refuse(np.diff(opens, prepend=before_ms) <= 0, opens, "is not later than the one before")
    _refuse(opens % file.interval.ms != 0, opens, "does not open on the interval")
    outside = (opens < file.open_ms) | (opens + file.interval.ms > file.close_ms)
    _refuse(outside, opens, "is outside of the time that the file is named after")
    ends = columns.event_ms
    wrong_end = (ends < opens) | (ends >= opens + file.interval.ms)
    _refuse(wrong_end, opens, "does not end inside its interval")


def _check_values(columns: CandleColumns) -> None:
    opened, high, low, close = (
        columns.open_e8,
        columns.high_e8,
        columns.low_e8,
        columns.close_e8,
    )
    out_of_order = (low > np.minimum(opened, close)) | (high < np.maximum(opened, close))
    _refuse(out_of_order | (low < 0), columns.open_ms, "has prices that contradict each other")
    _refuse(columns.trade_count < 0, columns.open_ms, "has a negative number of trades")
    for volume in (
        columns.volume_e8,
        columns.quote_volume_e8,
        columns.taker_buy_volume_e8,
        columns.taker_buy_quote_volume_e8,
    ):
        _refuse(volume[:, -1] > 0x7F, columns.open_ms, "has a negative volume")  # noqa: PLR2004


def _refuse(wrong: "NDArray[np.bool_]", opens: "NDArray[np.int64]", why: str) -> None:
    if wrong.any():
        raise PoisonMessage(f"the candle of {int(opens[wrong.argmax()])} ms {why}", raw=b"")


def _milliseconds(times: "NDArray[np.int64]") -> "NDArray[np.int64]":
    return np.where(times >= FIRST_MICROSECOND, times // 1000, times)


def _price(column: Any) -> "NDArray[np.int64]":  # noqa: ANN401 - pyarrow has no types
    try:
        return price_of(column)
    except ValueError as error:
        raise PoisonMessage(str(error), raw=b"") from error
