"""Parser of official kline CSV to columns of candles, in one pass and in parts of bounded size.

A row that can be read and is no candle (off the grid, out of order, prices that contradict each
other) is set apart; a file with a row that cannot be read is refused.

Source: binance-public-data, README: twelve columns, no header in spot files (some mirrors add
one), times in milliseconds and from 2025-01-01 in microseconds; a file has one of the two.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv

from producers.binance.arrow_columns import decimal_of, int64_of
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
_POSITIVE: Final = 0x7F  # the top byte of a number that is not negative
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


@dataclass(frozen=True, slots=True)
class SetApart:
    """A row that is no candle: its opening time as it is in the row, its text, and why."""

    open_ms: int
    row: str
    reason: str


def read_klines(
    stream: io.BufferedReader, file: KlineFile, set_apart: Callable[[SetApart], None]
) -> Iterator[CandleColumns]:
    """Yield the candles of a CSV file, in parts; ``set_apart`` is called with the other rows.

    Raises:
        PoisonMessage: A row cannot be read, or is outside of the file's time.
    """
    before_ms, is_micro = -1, None
    try:
        with _opened(stream) as reader:
            for batch in reader:
                is_micro = _unit(batch, is_micro)
                columns = _columns(batch, file)
                faults = _faults(columns, file, before_ms)
                good = np.ones(len(columns), np.bool_)
                for wrong, why in faults:
                    for row in np.flatnonzero(wrong & good).tolist():
                        open_ms = int(columns.open_ms[row])
                        set_apart(SetApart(open_ms, _text(batch, row), why))
                    good &= ~wrong
                kept = columns if good.all() else columns.select(good)
                if len(kept):
                    before_ms = int(kept.open_ms[-1])
                    yield kept
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
    return CandleColumns(
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


def _faults(
    columns: CandleColumns, file: KlineFile, before_ms: int
) -> "list[tuple[NDArray[np.bool_], str]]":
    opens = columns.open_ms
    outside = (opens < file.open_ms) | (opens + file.interval.ms > file.close_ms)
    # Not one bad row but another file than its name says; only a row off the grid may reach out.
    grid_ms = opens - file.interval.origin_ms
    if (on_grid := grid_ms % file.interval.ms == 0)[outside].any():
        first = int(opens[outside & on_grid][0])
        why = "is outside of the time that the file is named after"
        raise PoisonMessage(f"the candle of {first} ms {why}", raw=b"")
    # The newest row before each: one that goes back does not make the next one late.
    newest = np.maximum.accumulate(np.concatenate([[before_ms], np.where(on_grid, opens, -1)]))
    ends = columns.event_ms
    return [
        (~on_grid, "does not open on the grid of its interval"),
        (opens <= newest[:-1], "is not later than the one before"),
        ((ends < opens) | (ends >= opens + file.interval.ms), "does not end inside its interval"),
        *_value_faults(columns),
    ]


def _value_faults(columns: CandleColumns) -> "list[tuple[NDArray[np.bool_], str]]":
    opened, high, low, close = (
        columns.open_e8,
        columns.high_e8,
        columns.low_e8,
        columns.close_e8,
    )
    prices = (opened, high, low, close)
    volumes = (
        columns.volume_e8,
        columns.quote_volume_e8,
        columns.taker_buy_volume_e8,
        columns.taker_buy_quote_volume_e8,
    )
    out_of_order = (low > np.minimum(opened, close)) | (high < np.maximum(opened, close))
    return [
        (np.minimum.reduce(prices) <= 0, "has a price that is not positive, or absurd"),
        (out_of_order, "has prices that contradict each other"),
        (columns.trade_count < 0, "has a negative number of trades"),
        (np.logical_or.reduce([v[:, -1] > _POSITIVE for v in volumes]), "has a negative volume"),
    ]


def _text(batch: Any, row: int) -> str:  # noqa: ANN401 - pyarrow has no types
    return ",".join(str(column[row].as_py()) for column in batch.columns)


def _milliseconds(times: "NDArray[np.int64]") -> "NDArray[np.int64]":
    return np.where(times >= FIRST_MICROSECOND, times // 1000, times)


def _price(column: Any) -> "NDArray[np.int64]":  # noqa: ANN401 - pyarrow has no types
    halves = np.ascontiguousarray(decimal_of(column)).view("<i8")
    return np.where(halves[:, 1] == 0, halves[:, 0], -1)  # no price has more than 64 bits
